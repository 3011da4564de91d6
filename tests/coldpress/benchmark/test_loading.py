from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coldpress.benchmark.loading import Benchmark, load_benchmark
from coldpress.benchmark.unlabelled import read_unlabelled
from coldpress.data.sources import TextColumns
from coldpress.errors import InputError
from coldpress.kinds import RegressionBenchmark, TextClassificationBenchmark

Row = tuple[str, Any]
TRAIN: list[Row] = [(f"press number {i}", "cold" if i % 2 else "warm") for i in range(20)]
TEST: list[Row] = [("new words", "cold"), ("press number 3", "warm")]


@pytest.fixture
def section(tmp_path: Path) -> Callable[..., TextClassificationBenchmark]:
    """Write rows as JSON lines; return the section that refers to them."""

    def make(
        train: list[Row] = TRAIN,
        test: list[Row] = TEST,
        **also: Any,  # noqa: ANN401
    ) -> TextClassificationBenchmark:
        parts = {"train": train, "test": test}
        if "validation" in also:
            parts["validation"] = also.pop("validation")
        for name, rows in parts.items():
            lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
            (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
        files = {name: tmp_path / f"{name}.jsonl" for name in parts}
        return TextClassificationBenchmark.model_validate(
            {"kind": "text-classification", "source": {"origin": "files", **files}, **also}
        )

    return make


@pytest.fixture
def loaded(section: Callable[..., TextClassificationBenchmark]) -> Callable[..., Benchmark]:
    """Load such a section with seed 0."""
    return lambda *rows, **also: load_benchmark(section(*rows, **also), 0)


def test_labels_are_sorted_and_rows_store_their_index(loaded: Callable[..., Benchmark]) -> None:
    benchmark = loaded()
    assert benchmark.labels == ("cold", "warm")
    assert benchmark.test.texts == ("new words", "press number 3")
    assert benchmark.test.targets == (0, 1)


def test_integer_labels_are_sorted_by_name(loaded: Callable[..., Benchmark]) -> None:
    benchmark = loaded([(f"row {i}", i % 3 * 5) for i in range(12)], [("a", 10), ("b", 0)])
    assert benchmark.labels == ("0", "10", "5")
    assert benchmark.test.targets == (1, 0)


def test_validation_is_cut_from_train_class_by_class(loaded: Callable[..., Benchmark]) -> None:
    benchmark = loaded(validation_share=0.2)
    assert (len(benchmark.train), len(benchmark.validation)) == (16, 4)
    assert Counter(benchmark.validation.targets) == {0: 2, 1: 2}
    default = loaded(TRAIN, TEST)
    assert {*benchmark.train.ids, *benchmark.validation.ids} == {
        *default.train.ids,
        *default.validation.ids,
    }
    assert not {*benchmark.train.ids} & {*benchmark.validation.ids}


def test_with_a_validation_split_train_is_not_cut(loaded: Callable[..., Benchmark]) -> None:
    benchmark = loaded(validation=[("checked", "warm")])
    assert len(benchmark.train) == 20
    assert benchmark.validation.texts == ("checked",)


def test_the_seed_selects_the_validation_rows(
    section: Callable[..., TextClassificationBenchmark],
) -> None:
    assert load_benchmark(section(), 0).validation == load_benchmark(section(), 0).validation
    assert load_benchmark(section(), 0).validation != load_benchmark(section(), 1).validation


def test_test_texts_in_train_or_validation_are_counted(
    loaded: Callable[..., Benchmark],
) -> None:
    assert loaded().overlap == 1
    assert loaded(validation=[("new words", "cold")]).overlap == 2
    assert loaded(TRAIN, [("never seen", "cold")]).overlap == 0


def test_a_pair_overlaps_only_as_a_pair(tmp_path: Path) -> None:
    rows = "text,second,label\na,b,x\na,c,y\nd,b,x\ne,f,y\n"
    (tmp_path / "train.csv").write_text(rows)
    (tmp_path / "test.csv").write_text("text,second,label\na,b,x\nd,c,y\n")
    benchmark = load_benchmark(
        TextClassificationBenchmark.model_validate(
            {
                "kind": "text-classification",
                "source": {
                    "origin": "files",
                    "train": tmp_path / "train.csv",
                    "validation": tmp_path / "train.csv",
                    "test": tmp_path / "test.csv",
                },
                "columns": {"text_pair": "second"},
            }
        ),
        0,
    )
    assert benchmark.train.pairs == ("b", "c", "b", "f")
    assert benchmark.overlap == 1


def test_the_digest_depends_on_rows_and_not_on_files(
    loaded: Callable[..., Benchmark], tmp_path: Path
) -> None:
    digest = loaded().digest
    assert len(digest) == 64
    assert loaded(list(TRAIN), list(TEST)).digest == digest
    for name in ("train", "test"):
        lines = [json.loads(x) for x in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        rows = "\n".join(f"{x['label']},{x['text']}" for x in lines)
        (tmp_path / f"{name}.csv").write_text(f"label,text\n{rows}\n")
    files = {name: tmp_path / f"{name}.csv" for name in ("train", "test")}
    as_csv = TextClassificationBenchmark.model_validate(
        {"kind": "text-classification", "source": {"origin": "files", **files}}
    )
    assert load_benchmark(as_csv, 0).digest == digest


@pytest.mark.parametrize(
    "changed",
    [
        {"train": [*TRAIN[:-1], ("press number 19!", "cold")]},
        {"train": [*TRAIN[:-1], ("press number 19", "warm")]},
        {"test": [("new words", "warm"), TEST[1]]},
        {"test": TEST[::-1]},
        {"validation": [("checked", "warm")]},
    ],
)
def test_the_digest_changes_with_any_row(
    loaded: Callable[..., Benchmark], changed: dict[str, list[Row]]
) -> None:
    assert loaded(**changed).digest != loaded().digest


def test_repeated_texts_have_different_ids(loaded: Callable[..., Benchmark]) -> None:
    benchmark = loaded(validation=[("same", "warm"), ("same", "cold")])
    assert len(set(benchmark.validation.ids)) == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"train": [("a", "x"), ("b", "x")]}, "train.jsonl has a single class, 'x'"),
        (
            {"train": [("a", "cold"), ("b", "warm")]},
            "train.jsonl has too few rows to cut a validation split from: one for each class",
        ),
        (
            {"train": [*TRAIN, ("more", " warm")]},
            "train.jsonl: labels ' warm' and 'warm' differ only in spaces",
        ),
        (
            {"test": [TEST[0], ("b", "hot")]},
            "test.jsonl line 2: label 'hot' is not in the training rows; their labels are"
            " 'cold', 'warm'",
        ),
        (
            {"validation": [("b", "hot")]},
            "validation.jsonl line 1: label 'hot' is not in the training rows",
        ),
        ({"train": []}, "train.jsonl has no rows"),
        ({"test": []}, "test.jsonl has no rows"),
        ({"validation": []}, "validation.jsonl has no rows"),
        ({"test": [("a", None)]}, "test.jsonl line 1: 'label' is null"),
        ({"train": [*TRAIN, (None, "cold")]}, "train.jsonl line 21: 'text' is null"),
    ],
)
def test_bad_rows_are_named_in_one_line(
    loaded: Callable[..., Benchmark], tmp_path: Path, rows: dict[str, list[Row]], message: str
) -> None:
    with pytest.raises(InputError) as error:
        loaded(**rows)
    part = message.partition(".")[0]
    assert str(error.value).startswith(f"benchmark.source.{part}: {tmp_path}/{message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"test": [3, 3]}, "test.jsonl has the target 3 in every row"),
        ({"test": [3]}, "test.jsonl has the target 3 in every row"),
        ({"validation": [2.5, 2.5]}, "validation.jsonl has the target 2.5 in every row"),
        (
            {"train": [1, 2, 3, 4, 5]},
            "train.jsonl: the part that is cut off for validation has the target ",
        ),
        (
            {"train": [1, 2, 3]},
            "train.jsonl has too few rows to cut a validation split from: one for each quarter of"
            " the targets",
        ),
    ],
)
def test_a_correlation_needs_different_targets(
    tmp_path: Path, rows: dict[str, list[float]], message: str
) -> None:
    files = {}
    for name, targets in {"train": range(20), "test": [1, 2], **rows}.items():
        files[name] = tmp_path / f"{name}.jsonl"
        lines = (json.dumps({"text": f"{name} {n}", "score": t}) for n, t in enumerate(targets))
        files[name].write_text("\n".join(lines))
    section = RegressionBenchmark.model_validate(
        {"kind": "regression", "source": {"origin": "files", **files}}
    )
    with pytest.raises(InputError) as error:
        load_benchmark(section, 0)
    part = message.partition(".")[0]
    assert str(error.value).startswith(f"benchmark.source.{part}: {tmp_path}/{message}")


def test_unlabelled_rows_need_no_label(tmp_path: Path) -> None:
    (tmp_path / "more.jsonl").write_text('{"body": "a"}\n{"body": "b", "label": 5}\n')
    unlabelled = read_unlabelled(tmp_path / "more.jsonl", TextColumns(text="body"))
    assert (unlabelled.texts, unlabelled.targets, len(unlabelled.ids)) == (("a", "b"), (), 2)


def test_an_error_in_an_unlabelled_file_names_its_field(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^soft_targets.unlabelled: .*more.csv: no such file"):
        read_unlabelled(tmp_path / "more.csv", TextColumns())


def test_take_keeps_ids_texts_and_labels_together(
    loaded: Callable[..., Benchmark],
) -> None:
    split = loaded().test
    subset = split.take([1])
    assert (subset.ids, subset.texts, subset.targets) == (split.ids[1:], split.texts[1:], (1,))
    assert subset.pairs is None


REGION = (("evaluate.slices.0.column", "region"),)


def test_slice_columns_are_read_with_the_test_rows_and_change_no_digest(
    section: Callable[..., TextClassificationBenchmark], tmp_path: Path
) -> None:
    plain = section()
    lines = (tmp_path / "test.jsonl").read_text().splitlines()
    regions = ("north", None)
    rows = ({**json.loads(line), "region": r} for line, r in zip(lines, regions, strict=True))
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    benchmark = load_benchmark(plain, 0, REGION)
    assert benchmark.test.columns == {"region": ("north", None)}
    assert benchmark.test.take([1]).columns == {"region": (None,)}
    assert benchmark.train.columns == benchmark.validation.columns == {}
    assert benchmark.digest == load_benchmark(plain, 0).digest


def test_a_missing_slice_column_names_the_slice(
    section: Callable[..., TextClassificationBenchmark], tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        load_benchmark(section(), 0, REGION)
    path = tmp_path / "test.jsonl"
    message = f"{path} line 1: no column 'region'; it may use: 'text', 'label'"
    assert str(error.value) == f"evaluate.slices.0.column: {message}"


def test_the_test_digest_depends_on_test_rows_only(loaded: Callable[..., Benchmark]) -> None:
    digest = loaded().test_digest
    assert loaded(train=[*TRAIN, ("one more", "cold")]).test_digest == digest
    assert loaded(test=TEST[::-1]).test_digest != digest


def test_loading_files_imports_nothing_heavy(
    section: Callable[..., TextClassificationBenchmark], tmp_path: Path
) -> None:
    rows = {"text": ["new words", "more words"], "label": ["cold", "warm"]}
    pq.write_table(pa.table(rows), tmp_path / "test.parquet")
    section_json = section().model_dump_json().replace("test.jsonl", "test.parquet")
    code = (
        "import sys; from coldpress.benchmark.loading import load_benchmark\n"
        "from coldpress.kinds import TextClassificationBenchmark\n"
        "load_benchmark(TextClassificationBenchmark.model_validate_json(sys.argv[1]), 0)\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'sklearn', 'scipy'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, section_json], check=False).returncode == 0


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[list[Row]], dict[str, Any]]:
    """Write new rows to a file; return the recipe's entry for it."""

    def make(rows: list[Row]) -> dict[str, Any]:
        path = tmp_path / f"fresh-{len(list(tmp_path.iterdir()))}.jsonl"
        lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
        path.write_text("\n".join(lines))
        return {"origin": "files", "path": path}

    return make


LATER: list[Row] = [(f"later {i}", "cold" if i % 2 else "warm") for i in range(20)]


def test_most_new_rows_join_train_and_some_of_each_label_join_test(
    loaded: Callable[..., Benchmark], fresh: Callable[[list[Row]], dict[str, Any]]
) -> None:
    benchmark = loaded(fresh=[fresh(LATER)], validation_share=0.1)
    before = loaded(validation_share=0.1)
    training_texts = {*benchmark.train.texts, *benchmark.validation.texts}
    assert training_texts > {*before.train.texts, *before.validation.texts}
    test_texts = benchmark.test.texts[len(before.test) :]
    assert benchmark.test.texts[: len(before.test)] == before.test.texts
    assert {*training_texts, *test_texts} >= {text for text, _ in LATER}
    assert Counter(benchmark.test.targets[len(before.test) :]) == {0: 3, 1: 3}
    assert not training_texts & set(test_texts)
    assert benchmark.overlap == before.overlap
    assert benchmark.digest != before.digest


def test_new_rows_with_known_texts_are_ignored(
    loaded: Callable[..., Benchmark], fresh: Callable[[list[Row]], dict[str, Any]]
) -> None:
    """A test text does not join train, a training text does not join test, no text joins twice."""
    duplicates = [("new words", "warm"), ("press number 4", "cold"), *LATER[:10]]
    once = loaded(fresh=[fresh(LATER[:10])])
    again = loaded(fresh=[fresh(duplicates + LATER[:10]), fresh(LATER[:10])])
    assert again.digest == once.digest


def test_new_rows_are_cut_for_validation_too(
    loaded: Callable[..., Benchmark], fresh: Callable[[list[Row]], dict[str, Any]]
) -> None:
    benchmark = loaded(fresh=[fresh(LATER)], validation_share=0.5)
    assert any(text.startswith("later") for text in benchmark.validation.texts)
    with_validation = loaded(fresh=[fresh(LATER)], validation=[("checked", "warm")])
    assert with_validation.validation.texts == ("checked",)
    assert len(with_validation.train) == 20 + 14


def test_new_rows_have_no_values_to_slice_by(
    section: Callable[..., TextClassificationBenchmark],
    fresh: Callable[[list[Row]], dict[str, Any]],
) -> None:
    benchmark = load_benchmark(
        section(fresh=[fresh(LATER)]), 0, [("evaluate.slices.0.column", "text")]
    ).test
    assert benchmark.columns["text"] == ("new words", "press number 3", *(None,) * 6)


def test_an_unknown_label_is_named_with_its_row(
    loaded: Callable[..., Benchmark], fresh: Callable[[list[Row]], dict[str, Any]]
) -> None:
    with pytest.raises(InputError, match=r"^benchmark\.fresh\.1\.path: .* line 2: label 'hot'"):
        loaded(fresh=[fresh(LATER), fresh([("later", "cold"), ("latest", "hot")])])


def test_training_rows_without_labels_take_those_of_validation(tmp_path: Path) -> None:
    rows = {
        "train": [{"text": f"press {i}"} for i in range(5)],
        "validation": [{"text": "a", "label": "cold"}, {"text": "b", "label": "warm"}],
        "test": [{"text": "c", "label": "cold"}],
    }
    for name, split in rows.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, split)))
    source = {"origin": "files", **{name: tmp_path / f"{name}.jsonl" for name in rows}}
    content = {"kind": "text-classification", "source": source, "train_labels": False}
    benchmark = load_benchmark(TextClassificationBenchmark.model_validate(content), 0)
    assert benchmark.labels == ("cold", "warm")
    assert (len(benchmark.train), benchmark.train.targets) == (5, ())
    assert benchmark.validation.targets == (0, 1)
    del source["validation"]
    with pytest.raises(InputError, match=r"benchmark\.source: a validation split is required"):
        load_benchmark(TextClassificationBenchmark.model_validate(content), 0)
