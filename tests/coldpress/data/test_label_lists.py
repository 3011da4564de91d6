"""Several labels in a row: lists in files of each format, 0/1 columns, and invalid values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coldpress.benchmark.loading import Benchmark, load_benchmark
from coldpress.errors import InputError
from coldpress.kinds import MultiLabelBenchmark

Load = Callable[..., Benchmark]
LISTS: list[Any] = [["joy"], ["anger", "fear"], [], ["fear"]] * 5


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a benchmark whose training and test rows have these labels."""

    def load(train: list[Any], test: list[Any], **columns: Any) -> Benchmark:  # noqa: ANN401
        for name, values in (("train", train), ("test", test)):
            rows = [{"text": f"{name} {n}", **_fields(v)} for n, v in enumerate(values)]
            path = tmp_path / f"{name}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return load_benchmark(benchmark_section(tmp_path, "jsonl", **columns), 0)

    return load


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401
    return value if isinstance(value, dict) else {"labels": value}


def benchmark_section(folder: Path, suffix: str, **columns: Any) -> MultiLabelBenchmark:  # noqa: ANN401
    files = {name: folder / f"{name}.{suffix}" for name in ("train", "test")}
    section = {"kind": "multi-label", "source": {"origin": "files", **files}, "columns": columns}
    return MultiLabelBenchmark.model_validate(section)


def test_labels_are_sorted_and_rows_have_a_flag_for_each(load: Load) -> None:
    benchmark = load(LISTS, [["joy", "anger"], []])
    assert benchmark.labels == ("anger", "fear", "joy")
    assert benchmark.test.targets == ((1, 0, 1), (0, 0, 0))
    assert benchmark.test.target_array.shape == (2, 3)
    assert (len(benchmark.train), len(benchmark.validation)) == (18, 2)


def test_0_1_columns_are_the_labels_in_their_order(load: Load) -> None:
    rows = [{"toxic": n % 2, "rude": n % 3 == 0} for n in range(36)]
    benchmark = load(rows, [{"toxic": 1, "rude": 0.0}], labels=["toxic", "rude"])
    assert benchmark.labels == ("toxic", "rude")
    assert benchmark.test.targets == ((1, 0),)


def test_a_csv_file_has_json_lists(tmp_path: Path) -> None:
    rows = 'text,labels\na,"[""joy""]"\nb,[]\nc,"[""joy"", ""fear""]"\nd,"[""fear""]"\n'
    for name in ("train", "test"):
        (tmp_path / f"{name}.csv").write_text(rows)
    benchmark = load_benchmark(benchmark_section(tmp_path, "csv"), 0)
    assert benchmark.test.targets == ((0, 1), (0, 0), (1, 1), (1, 0))


def test_a_csv_file_may_have_0_1_columns(tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.csv").write_text("text,joy,fear\na,1,0\nb,0,1\nc,1,1.0\nd,1,1\n")
    section = benchmark_section(tmp_path, "csv", labels=["joy", "fear"])
    assert load_benchmark(section, 0).test.targets == ((1, 0), (0, 1), (1, 1), (1, 1))


def test_a_parquet_file_has_lists(tmp_path: Path) -> None:
    labels = [["joy"], [], ["joy", "fear"], ["joy"]]
    table = pa.table({"text": ["a", "b", "c", "d"], "labels": labels})
    for name in ("train", "test"):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    benchmark = load_benchmark(benchmark_section(tmp_path, "parquet"), 0)
    assert benchmark.test.targets == ((0, 1), (0, 0), (1, 1), (0, 1))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("joy", "'labels' is 'joy', not a list of labels such as"),
        ('{"joy": 1}', "'labels' is dict, not a list of labels"),
        (3, "'labels' is int, not a list of labels"),
        (None, "'labels' is null or blank; write [] for a row without labels"),
        (["joy", "fear", "joy"], "'labels' has the label 'joy' twice"),
        (["joy", None], "'labels' is null"),
        (["joy", 0.5], "'labels' is 0.5, not a whole number"),
        (["joy", " "], "'labels' is blank"),
        (["joy", "awe"], "label 'awe' is not in the training rows; their labels are 'anger', "),
    ],
)
def test_an_invalid_list_is_reported_with_its_line(load: Load, value: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(InputError) as caught:
        load(LISTS, [["joy"], value])
    assert str(caught.value).startswith("benchmark.source.test: ")
    assert f"test.jsonl line 2: {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [(2, "2, not 0 or 1"), ("yes", "'yes', not 0 or 1"), (None, "None, not 0 or 1")],
)
def test_an_invalid_flag_is_reported_with_its_line(load: Load, value: Any, message: str) -> None:  # noqa: ANN401
    rows = [{"toxic": n % 2} for n in range(12)]
    with pytest.raises(InputError, match=rf"train.jsonl line 13: 'toxic' is {message}"):
        load([*rows, {"toxic": value}], rows, labels=["toxic"])


def test_labels_that_nothing_can_be_learned_of_are_refused(load: Load) -> None:
    with pytest.raises(InputError, match=r"train.jsonl: no row has a label in 'labels'"):
        load([[], []], [["joy"]])
    with pytest.raises(InputError, match=r"test.jsonl has no row with a label"):
        load(LISTS, [[], []])
    rows = [{"toxic": n % 2, "rude": 0} for n in range(12)]
    with pytest.raises(InputError, match=r"train.jsonl: no row has 1 in column 'rude'"):
        load(rows, rows, labels=["toxic", "rude"])
    with pytest.raises(InputError, match=r"labels 'a  b' and 'a b' differ only in spaces"):
        load([["a b"], ["a  b"]], [["a b"]])


def test_the_synthetic_dataset_has_rows_with_no_one_and_several_labels() -> None:
    section = {"kind": "multi-label", "source": {"origin": "synthetic", "train_examples": 300}}
    benchmark = load_benchmark(MultiLabelBenchmark.model_validate(section), 0)
    assert len(benchmark.labels) == 10
    assert {0, 1, 2, 3} <= {sum(row) for row in benchmark.train.targets if isinstance(row, tuple)}
    flags = {**section, "columns": {"labels": ["joy", "fear"]}}
    with pytest.raises(InputError, match=r"^benchmark.columns.labels: the synthetic dataset"):
        load_benchmark(MultiLabelBenchmark.model_validate(flags), 0)
