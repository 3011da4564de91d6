from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
from local_hub import COMMIT, LocalHub

from coldpress.data.benchmark import BenchmarkSection, load_benchmark
from coldpress.errors import InputError


def section(**also: Any) -> BenchmarkSection:  # noqa: ANN401
    hub = {"origin": "hub", "dataset": "tiny/questions", "revision": COMMIT}
    source = {**hub, **also.pop("source", {})}
    return BenchmarkSection.model_validate(
        {"kind": "text-classification", "source": source, **also}
    )


def parquet(path: Path, labels: list[int | None]) -> bytes:
    """What the hub's own conversion writes: class numbers, and their names beside them."""
    features = datasets.Features(
        {"text": datasets.Value("string"), "kind": datasets.ClassLabel(names=["LOC", "HUM"])}
    )
    rows = {"text": [f"{path.name} {i}" for i in range(len(labels))], "kind": labels}
    datasets.Dataset.from_dict(rows, features).to_parquet(path)
    return path.read_bytes()


@pytest.fixture
def questions(local_hub: LocalHub, tmp_path: Path) -> LocalHub:
    """A Parquet repository of the form that `refs/convert/parquet` has."""
    files = {
        "default/train/0000.parquet": parquet(tmp_path / "train", [0, 1] * 6),
        "default/test/0000.parquet": parquet(tmp_path / "test", [1, 0, 1]),
    }
    local_hub.add("datasets", "tiny/questions", files)
    return local_hub


@pytest.mark.usefixtures("questions")
def test_class_numbers_of_a_hub_dataset_become_class_names() -> None:
    found = load_benchmark(section(columns={"label": "kind"}), 0)
    assert found.labels == ("HUM", "LOC")
    assert found.test.texts == ("test 0", "test 1", "test 2")
    assert found.test.labels == (0, 1, 0)
    assert (len(found.train), len(found.validation)) == (11, 1)


def test_a_pinned_dataset_that_is_cached_needs_no_hub(questions: LocalHub) -> None:
    first = load_benchmark(section(columns={"label": "kind"}), 0)
    asked = len(questions.asked)
    assert load_benchmark(section(columns={"label": "kind"}), 0).digest == first.digest
    assert len(questions.asked) == asked


def test_json_lines_on_the_hub_are_found_by_the_names_of_their_splits(local_hub: LocalHub) -> None:
    def lines(*labels: int) -> bytes:
        rows = [{"text": f"text {n}", "label": label} for n, label in enumerate(labels)]
        return "\n".join(map(json.dumps, rows)).encode()

    files = {"train.jsonl": lines(0, 1, 0), "dev.jsonl": lines(1), "test.jsonl": lines(1, 1)}
    local_hub.add("datasets", "tiny/questions", files)
    found = load_benchmark(section(source={"validation_split": "validation"}), 0)
    assert found.labels == ("0", "1")
    assert [len(s) for s in (found.train, found.validation, found.test)] == [3, 1, 2]


@pytest.mark.usefixtures("questions")
@pytest.mark.parametrize(
    ("also", "said"),
    [
        ({}, "split 'train': no column 'label'; benchmark.columns may use: 'text', 'kind'"),
        ({"source": {"train_split": "dev"}}, "has no split 'dev', only test, train"),
        ({"source": {"config": "fine"}}, "cannot be loaded: BuilderConfig 'fine' not found"),
        ({"columns": {"text": "kind", "label": "text"}}, "split 'train' has one row per class"),
    ],
)
def test_a_split_config_or_column_that_is_not_there_is_named(
    also: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_benchmark(section(**also), 0)
    message = str(caught.value)
    assert message.startswith("benchmark.source.dataset: tiny/questions ")
    assert said in message
    assert "\n" not in message


@pytest.mark.usefixtures("questions")
def test_a_hub_dataset_is_sliced_by_a_column_of_its_test_split() -> None:
    wanted = section(columns={"label": "kind"})
    found = load_benchmark(wanted, 0, [("evaluate.slices.0.column", "kind")])
    assert found.test.columns == {"kind": ("HUM", "LOC", "HUM")}
    with pytest.raises(InputError, match=r"^evaluate.slices.1.column: tiny/questions split 'test'"):
        load_benchmark(wanted, 0, [("evaluate.slices.1.column", "region")])


def test_hidden_test_labels_are_refused(local_hub: LocalHub, tmp_path: Path) -> None:
    files = {
        "data/train-0.parquet": parquet(tmp_path / "train", [0, 1] * 6),
        "data/test-0.parquet": parquet(tmp_path / "test", [1, -1]),
    }
    local_hub.add("datasets", "tiny/questions", files)
    with pytest.raises(InputError, match=r"split 'test' row 2: 'kind' is hidden \(class -1\)"):
        load_benchmark(section(columns={"label": "kind"}), 0)


def test_a_repository_that_needs_its_own_code_is_refused(local_hub: LocalHub) -> None:
    local_hub.add("datasets", "tiny/questions", {"questions.py": b"import os", "README.md": b"#"})
    with pytest.raises(InputError, match=r"^benchmark.source.dataset: tiny/questions cannot be"):
        load_benchmark(section(), 0)


def test_an_unknown_dataset_is_named(local_hub: LocalHub) -> None:
    with pytest.raises(InputError, match=r"^benchmark.source.dataset: tiny/questions@c0ffee"):
        load_benchmark(section(), 0)
    assert len(local_hub.asked) == 1


def synthetic(**also: Any) -> BenchmarkSection:  # noqa: ANN401
    source = {"origin": "synthetic", "train_examples": 100, "test_examples": 60}
    return BenchmarkSection.model_validate(
        {"kind": "text-classification", "source": {**source, **also}}
    )


def test_the_synthetic_benchmark_has_ten_intents_and_its_own_validation_split() -> None:
    found = load_benchmark(synthetic(), 0)
    assert len(found.labels) == 10
    assert (len(found.train), len(found.validation), len(found.test)) == (90, 10, 60)


def test_another_data_seed_gives_other_texts() -> None:
    assert load_benchmark(synthetic(data_seed=1), 0).digest != load_benchmark(synthetic(), 0).digest


def test_synthetic_rows_have_no_more_columns_than_two() -> None:
    found = load_benchmark(synthetic(), 0, [("evaluate.slices.0.column", "label")])
    assert set(found.test.columns["label"]) == set(found.labels)
    with pytest.raises(InputError, match=r"^evaluate.slices.0.column: synthetic test: no column"):
        load_benchmark(synthetic(), 0, [("evaluate.slices.0.column", "region")])


def test_synthetic_texts_come_alone() -> None:
    wanted = synthetic().model_dump() | {"columns": {"text_pair": "second"}}
    with pytest.raises(InputError, match=r"^benchmark.columns.text_pair"):
        load_benchmark(BenchmarkSection.model_validate(wanted), 0)
