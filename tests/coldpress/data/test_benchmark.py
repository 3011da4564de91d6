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

from coldpress.data.benchmark import Benchmark, BenchmarkSection, load_benchmark, read_unlabelled
from coldpress.data.sources import Columns
from coldpress.errors import InputError

Row = tuple[str, Any]
TRAIN: list[Row] = [(f"press number {i}", "cold" if i % 2 else "warm") for i in range(20)]
TEST: list[Row] = [("new words", "cold"), ("press number 3", "warm")]


@pytest.fixture
def section(tmp_path: Path) -> Callable[..., BenchmarkSection]:
    """Rows as JSON lines, and the section that names them."""

    def make(train: list[Row] = TRAIN, test: list[Row] = TEST, **also: Any) -> BenchmarkSection:  # noqa: ANN401
        parts = {"train": train, "test": test}
        if "validation" in also:
            parts["validation"] = also.pop("validation")
        for name, rows in parts.items():
            lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
            (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
        files = {name: tmp_path / f"{name}.jsonl" for name in parts}
        return BenchmarkSection.model_validate(
            {"kind": "text-classification", "source": {"origin": "files", **files}, **also}
        )

    return make


@pytest.fixture
def loaded(section: Callable[..., BenchmarkSection]) -> Callable[..., Benchmark]:
    """Such a section, loaded with seed 0."""
    return lambda *rows, **also: load_benchmark(section(*rows, **also), 0)


def test_labels_are_sorted_and_rows_number_them(loaded: Callable[..., Benchmark]) -> None:
    found = loaded()
    assert found.labels == ("cold", "warm")
    assert found.test.texts == ("new words", "press number 3")
    assert found.test.labels == (0, 1)


def test_integer_labels_are_sorted_by_name(loaded: Callable[..., Benchmark]) -> None:
    found = loaded([(f"row {i}", i % 3 * 5) for i in range(12)], [("a", 10), ("b", 0)])
    assert found.labels == ("0", "10", "5")
    assert found.test.labels == (1, 0)


def test_validation_is_cut_from_train_class_by_class(loaded: Callable[..., Benchmark]) -> None:
    found = loaded(validation_share=0.2)
    assert (len(found.train), len(found.validation)) == (16, 4)
    assert Counter(found.validation.labels) == {0: 2, 1: 2}
    assert {*found.train.ids, *found.validation.ids} == set(loaded(TRAIN, TEST).train.ids) | set(
        loaded(TRAIN, TEST).validation.ids
    )
    assert not {*found.train.ids} & {*found.validation.ids}


def test_a_given_validation_split_leaves_train_whole(loaded: Callable[..., Benchmark]) -> None:
    found = loaded(validation=[("checked", "warm")])
    assert len(found.train) == 20
    assert found.validation.texts == ("checked",)


def test_the_seed_decides_which_rows_validate(section: Callable[..., BenchmarkSection]) -> None:
    assert load_benchmark(section(), 0).validation == load_benchmark(section(), 0).validation
    assert load_benchmark(section(), 0).validation != load_benchmark(section(), 1).validation


def test_test_rows_that_stand_in_train_or_validation_are_counted(
    loaded: Callable[..., Benchmark],
) -> None:
    assert loaded().overlap == 1
    assert loaded(validation=[("new words", "cold")]).overlap == 2
    assert loaded(TRAIN, [("never seen", "cold")]).overlap == 0


def test_a_pair_overlaps_only_as_a_pair(tmp_path: Path) -> None:
    rows = "text,second,label\na,b,x\na,c,y\nd,b,x\ne,f,y\n"
    (tmp_path / "train.csv").write_text(rows)
    (tmp_path / "test.csv").write_text("text,second,label\na,b,x\nd,c,y\n")
    found = load_benchmark(
        BenchmarkSection.model_validate(
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
    assert found.train.pairs == ("b", "c", "b", "f")
    assert found.overlap == 1


def test_the_digest_names_rows_and_not_files(
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
    as_csv = BenchmarkSection.model_validate(
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


def test_repeated_texts_have_ids_of_their_own(loaded: Callable[..., Benchmark]) -> None:
    found = loaded(validation=[("same", "warm"), ("same", "cold")])
    assert len(set(found.validation.ids)) == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"train": [("a", "x"), ("b", "x")]}, "train.jsonl has a single class, 'x'"),
        ({"train": [("a", "cold"), ("b", "warm")]}, "train.jsonl has one row per class"),
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
    loaded: Callable[..., Benchmark], tmp_path: Path, rows: dict[str, list[Row]], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        loaded(**rows)
    part = said.partition(".")[0]
    assert str(caught.value).startswith(f"benchmark.source.{part}: {tmp_path}/{said}")
    assert "\n" not in str(caught.value)


def test_unlabelled_rows_need_no_label(tmp_path: Path) -> None:
    (tmp_path / "more.jsonl").write_text('{"body": "a"}\n{"body": "b", "label": 5}\n')
    found = read_unlabelled(tmp_path / "more.jsonl", Columns(text="body"))
    assert (found.texts, found.labels, len(found.ids)) == (("a", "b"), (), 2)


def test_a_bad_unlabelled_file_is_blamed_on_its_own_field(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^soft_targets.unlabelled: .*more.csv: no such file"):
        read_unlabelled(tmp_path / "more.csv", Columns())


def test_some_rows_of_a_split_keep_ids_texts_and_labels_together(
    loaded: Callable[..., Benchmark],
) -> None:
    split = loaded().test
    taken = split.take([1])
    assert (taken.ids, taken.texts, taken.labels) == (split.ids[1:], split.texts[1:], (1,))
    assert taken.pairs is None


REGION = (("evaluate.slices.0.column", "region"),)


def test_columns_to_slice_by_come_with_the_test_rows_and_change_no_digest(
    section: Callable[..., BenchmarkSection], tmp_path: Path
) -> None:
    plain = section()
    lines = (tmp_path / "test.jsonl").read_text().splitlines()
    regions = ("north", None)
    rows = ({**json.loads(line), "region": r} for line, r in zip(lines, regions, strict=True))
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = load_benchmark(plain, 0, REGION)
    assert found.test.columns == {"region": ("north", None)}
    assert found.test.take([1]).columns == {"region": (None,)}
    assert found.train.columns == found.validation.columns == {}
    assert found.digest == load_benchmark(plain, 0).digest


def test_a_column_that_is_not_there_is_blamed_on_the_slice(
    section: Callable[..., BenchmarkSection], tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        load_benchmark(section(), 0, REGION)
    path = tmp_path / "test.jsonl"
    said = f"{path} line 1: no column 'region'; it may use: 'text', 'label'"
    assert str(caught.value) == f"evaluate.slices.0.column: {said}"


def test_the_digest_of_the_test_rows_is_theirs_alone(loaded: Callable[..., Benchmark]) -> None:
    digest = loaded().test_digest
    assert loaded(train=[*TRAIN, ("one more", "cold")]).test_digest == digest
    assert loaded(test=TEST[::-1]).test_digest != digest


def test_loading_files_imports_nothing_heavy(
    section: Callable[..., BenchmarkSection], tmp_path: Path
) -> None:
    rows = {"text": ["new words", "more words"], "label": ["cold", "warm"]}
    pq.write_table(pa.table(rows), tmp_path / "test.parquet")
    found = section().model_dump_json().replace("test.jsonl", "test.parquet")
    code = (
        "import sys; from coldpress.data.benchmark import BenchmarkSection, load_benchmark\n"
        "load_benchmark(BenchmarkSection.model_validate_json(sys.argv[1]), 0)\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'sklearn', 'scipy'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, found], check=False).returncode == 0


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[list[Row]], dict[str, Any]]:
    """Rows that came later, in a file of their own, as a recipe names them."""

    def make(rows: list[Row]) -> dict[str, Any]:
        path = tmp_path / f"fresh-{len(list(tmp_path.iterdir()))}.jsonl"
        lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
        path.write_text("\n".join(lines))
        return {"origin": "files", "path": path}

    return make


LATER: list[Row] = [(f"later {i}", "cold" if i % 2 else "warm") for i in range(20)]


def test_most_rows_that_came_later_join_train_and_some_of_each_label_join_test(
    loaded: Callable[..., Benchmark], fresh: Callable[[list[Row]], dict[str, Any]]
) -> None:
    found, before = loaded(fresh=[fresh(LATER)], validation_share=0.1), loaded(validation_share=0.1)
    seen = {*found.train.texts, *found.validation.texts}
    assert seen > {*before.train.texts, *before.validation.texts}
    judged = found.test.texts[len(before.test) :]
    assert found.test.texts[: len(before.test)] == before.test.texts
    assert {*seen, *judged} >= {text for text, _ in LATER}
    assert Counter(found.test.labels[len(before.test) :]) == {0: 3, 1: 3}
    assert not seen & set(judged)
    assert found.overlap == before.overlap
    assert found.digest != before.digest


def test_a_text_that_is_known_does_not_come_again(
    loaded: Callable[..., Benchmark], fresh: Callable[[list[Row]], dict[str, Any]]
) -> None:
    """Neither one of the test rows into train, nor the other way round, nor twice."""
    known = [("new words", "warm"), ("press number 4", "cold"), *LATER[:10]]
    once = loaded(fresh=[fresh(LATER[:10])])
    again = loaded(fresh=[fresh(known + LATER[:10]), fresh(LATER[:10])])
    assert again.digest == once.digest


def test_rows_that_came_later_are_cut_off_for_validation_too(
    loaded: Callable[..., Benchmark], fresh: Callable[[list[Row]], dict[str, Any]]
) -> None:
    found = loaded(fresh=[fresh(LATER)], validation_share=0.5)
    assert any(text.startswith("later") for text in found.validation.texts)
    given = loaded(fresh=[fresh(LATER)], validation=[("checked", "warm")])
    assert given.validation.texts == ("checked",)
    assert len(given.train) == 20 + 14


def test_what_to_slice_by_is_unknown_of_them(
    section: Callable[..., BenchmarkSection],
    fresh: Callable[[list[Row]], dict[str, Any]],
) -> None:
    found = load_benchmark(
        section(fresh=[fresh(LATER)]), 0, [("evaluate.slices.0.column", "text")]
    ).test
    assert found.columns["text"] == ("new words", "press number 3", *(None,) * 6)


def test_a_label_that_train_does_not_have_is_named_with_its_row(
    loaded: Callable[..., Benchmark], fresh: Callable[[list[Row]], dict[str, Any]]
) -> None:
    with pytest.raises(InputError, match=r"^benchmark\.fresh\.1\.path: .* line 2: label 'hot'"):
        loaded(fresh=[fresh(LATER), fresh([("later", "cold"), ("latest", "hot")])])
