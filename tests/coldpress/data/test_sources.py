from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from coldpress.benchmark.loading import load_benchmark
from coldpress.errors import InputError
from coldpress.kinds import (
    MultiLabelBenchmark,
    RegressionBenchmark,
    TextClassificationBenchmark,
)
from tests.support.local_hub import COMMIT, LocalHub


def section(**also: Any) -> TextClassificationBenchmark:  # noqa: ANN401
    hub = {"origin": "hub", "dataset": "tiny/questions", "revision": COMMIT}
    source = {**hub, **also.pop("source", {})}
    return TextClassificationBenchmark.model_validate(
        {"kind": "text-classification", "source": source, **also}
    )


def parquet(path: Path, labels: list[int | None]) -> bytes:
    """Return a file like the hub's own conversion: class numbers, names in the schema."""
    features = datasets.Features(
        {"text": datasets.Value("string"), "kind": datasets.ClassLabel(names=["LOC", "HUM"])}
    )
    rows = {"text": [f"{path.name} {i}" for i in range(len(labels))], "kind": labels}
    datasets.Dataset.from_dict(rows, features).to_parquet(path)
    return path.read_bytes()


@pytest.fixture
def questions(local_hub: LocalHub, tmp_path: Path) -> LocalHub:
    """Add a Parquet repository with the layout of `refs/convert/parquet`."""
    files = {
        "default/train/0000.parquet": parquet(tmp_path / "train", [0, 1] * 6),
        "default/test/0000.parquet": parquet(tmp_path / "test", [1, 0, 1]),
    }
    local_hub.add("datasets", "tiny/questions", files)
    return local_hub


@pytest.mark.usefixtures("questions")
def test_class_numbers_of_a_hub_dataset_become_class_names() -> None:
    benchmark = load_benchmark(section(columns={"label": "kind"}), 0)
    assert benchmark.labels == ("HUM", "LOC")
    assert benchmark.test.texts == ("test 0", "test 1", "test 2")
    assert benchmark.test.targets == (0, 1, 0)
    assert (len(benchmark.train), len(benchmark.validation)) == (11, 1)


def test_class_numbers_in_lists_become_class_names(local_hub: LocalHub, tmp_path: Path) -> None:
    names = datasets.ClassLabel(names=["joy", "fear"])
    features = datasets.Features({"text": datasets.Value("string"), "labels": [names]})
    files = {}
    for split, labels in (("train", [[0], [1], [0, 1], []] * 8), ("test", [[1, 0], []])):
        rows = {"text": [f"{split} {n}" for n in range(len(labels))], "labels": labels}
        datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / split)
        files[f"default/{split}/0000.parquet"] = (tmp_path / split).read_bytes()
    local_hub.add("datasets", "tiny/feelings", files)
    source = {"origin": "hub", "dataset": "tiny/feelings", "revision": COMMIT}
    feelings = MultiLabelBenchmark.model_validate({"kind": "multi-label", "source": source})
    benchmark = load_benchmark(feelings, 0)
    assert benchmark.labels == ("fear", "joy")
    assert benchmark.test.targets == ((1, 1), (0, 0))


def test_a_pinned_dataset_that_is_cached_needs_no_hub(questions: LocalHub) -> None:
    first = load_benchmark(section(columns={"label": "kind"}), 0)
    requests = len(questions.requests)
    assert load_benchmark(section(columns={"label": "kind"}), 0).digest == first.digest
    assert len(questions.requests) == requests


def test_json_lines_on_the_hub_are_found_by_their_split_names(local_hub: LocalHub) -> None:
    def lines(*labels: int) -> bytes:
        rows = [{"text": f"text {n}", "label": label} for n, label in enumerate(labels)]
        return "\n".join(map(json.dumps, rows)).encode()

    files = {"train.jsonl": lines(0, 1, 0), "dev.jsonl": lines(1), "test.jsonl": lines(1, 1)}
    local_hub.add("datasets", "tiny/questions", files)
    benchmark = load_benchmark(section(source={"validation_split": "validation"}), 0)
    assert benchmark.labels == ("0", "1")
    assert [len(s) for s in (benchmark.train, benchmark.validation, benchmark.test)] == [3, 1, 2]


@pytest.mark.usefixtures("questions")
@pytest.mark.parametrize(
    ("also", "expected"),
    [
        ({}, "split 'train': no column 'label'; benchmark.columns may use: 'text', 'kind'"),
        ({"source": {"train_split": "dev"}}, "has no split 'dev', only test, train"),
        ({"source": {"config": "fine"}}, "cannot be loaded: BuilderConfig 'fine' not found"),
        ({"columns": {"text": "kind", "label": "text"}}, "split 'train' has too few rows"),
    ],
)
def test_a_missing_split_config_or_column_is_named(also: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as error:
        load_benchmark(section(**also), 0)
    message = str(error.value)
    assert message.startswith("benchmark.source.dataset: tiny/questions ")
    assert expected in message
    assert "\n" not in message


@pytest.mark.usefixtures("questions")
def test_a_hub_dataset_is_sliced_by_a_column_of_its_test_split() -> None:
    hub_section = section(columns={"label": "kind"})
    benchmark = load_benchmark(hub_section, 0, [("evaluate.slices.0.column", "kind")])
    assert benchmark.test.columns == {"kind": ("HUM", "LOC", "HUM")}
    with pytest.raises(InputError, match=r"^evaluate.slices.1.column: tiny/questions split 'test'"):
        load_benchmark(hub_section, 0, [("evaluate.slices.1.column", "region")])


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
    assert len(local_hub.requests) == 1


def synthetic(**also: Any) -> TextClassificationBenchmark:  # noqa: ANN401
    source = {"origin": "synthetic", "train_examples": 100, "test_examples": 60}
    return TextClassificationBenchmark.model_validate(
        {"kind": "text-classification", "source": {**source, **also}}
    )


def test_the_synthetic_benchmark_has_ten_intents_and_its_own_validation_split() -> None:
    benchmark = load_benchmark(synthetic(), 0)
    assert len(benchmark.labels) == 10
    assert (len(benchmark.train), len(benchmark.validation), len(benchmark.test)) == (90, 10, 60)


def test_another_data_seed_gives_other_texts() -> None:
    assert load_benchmark(synthetic(data_seed=1), 0).digest != load_benchmark(synthetic(), 0).digest


def test_synthetic_rows_have_two_columns() -> None:
    benchmark = load_benchmark(synthetic(), 0, [("evaluate.slices.0.column", "label")])
    assert set(benchmark.test.columns["label"]) == set(benchmark.labels)
    with pytest.raises(InputError, match=r"^evaluate.slices.0.column: synthetic test: no column"):
        load_benchmark(synthetic(), 0, [("evaluate.slices.0.column", "region")])


def test_the_synthetic_benchmark_has_no_text_pairs() -> None:
    section_data = synthetic().model_dump() | {"columns": {"text_pair": "second"}}
    with pytest.raises(InputError, match=r"^benchmark.columns.text_pair"):
        load_benchmark(TextClassificationBenchmark.model_validate(section_data), 0)


def test_a_kind_without_a_synthetic_dataset_refuses_the_source() -> None:
    section = {"kind": "regression", "source": {"origin": "synthetic"}}
    with pytest.raises(InputError, match=r"^benchmark.source.origin: this kind has no synthetic"):
        load_benchmark(RegressionBenchmark.model_validate(section), 0)
