"""Rows of a ranking benchmark: queries stay whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from coldpress.benchmark.loading import Benchmark, load_benchmark
from coldpress.benchmark.unlabelled import read_filtered_unlabelled
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds import RankingBenchmark, task_kind
from coldpress.kinds.ranking_data import RankingColumns
from coldpress.kinds.samples import evaluable_rows

RANKING = task_kind("ranking")
Row = tuple[str, str, float]


def query(name: str, documents: int = 3, relevant: int = 1) -> list[Row]:
    """Documents of a query, the relevant ones first."""
    return [(name, f"{name} {n}", float(n < relevant)) for n in range(documents)]


def write(path: Path, rows: Sequence[Row]) -> Path:
    names = ("query", "document", "relevance")
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    path.write_text("\n".join(lines))
    return path


def load(folder: Path, train: Sequence[Row], test: Sequence[Row], **also: Any) -> Benchmark:  # noqa: ANN401
    source = {
        "origin": "files",
        "train": write(folder / "train.jsonl", train),
        "test": write(folder / "test.jsonl", test),
    }
    section = {"kind": "ranking", "source": source, **also}
    return load_benchmark(RankingBenchmark.model_validate(section), 0)


def queries(split: Split) -> set[str]:
    return set(split.texts)


TRAIN = [row for n in range(20) for row in query(f"train {n}")]
TEST = [row for n in range(4) for row in query(f"test {n}")]


def test_validation_is_cut_by_whole_queries(tmp_path: Path) -> None:
    """Rows of queries follow each other in turns, so that no query is in one piece."""
    shuffled = [*TRAIN[::3], *TRAIN[1::3], *TRAIN[2::3]]
    benchmark = load(tmp_path, shuffled, TEST, validation_share=0.25)
    assert len(benchmark.validation) == 3 * 5
    assert len(queries(benchmark.validation)) == 5
    assert not queries(benchmark.validation) & queries(benchmark.train)


def test_queries_that_cannot_be_evaluated_stay_in_train(tmp_path: Path) -> None:
    hopeless = [*query("none relevant", relevant=0), *query("single", documents=1)]
    benchmark = load(tmp_path, [*hopeless, *TRAIN[:6]], TEST, validation_share=0.5)
    assert {"none relevant", "single"} <= queries(benchmark.train)
    assert len(queries(benchmark.validation)) == 1


def test_a_single_query_leaves_nothing_for_validation(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one for each query with a relevant and another document"):
        load(tmp_path, query("only"), TEST)


def test_test_queries_in_train_are_counted_whatever_their_documents(tmp_path: Path) -> None:
    known = [("TEST  1", "yet another document", 1.0), ("TEST  1", "and one more", 0.0)]
    assert load(tmp_path, [*TRAIN, *known], TEST).overlap == 1


def test_new_queries_are_divided_whole_and_known_ones_left_out(tmp_path: Path) -> None:
    new = [row for n in range(10) for row in query(f"new {n}")]
    known = [("test 1", "yet another document", 1.0), ("test 1", "and one more", 0.0)]
    path = write(tmp_path / "new.jsonl", [*known, *new])
    fresh = [{"origin": "files", "path": path}]
    benchmark = load(tmp_path, TRAIN, TEST, fresh=fresh)
    added = queries(benchmark.test) - {"test 0", "test 1", "test 2", "test 3"}
    assert len(added) == 3
    assert len(benchmark.test) == 12 + 3 * 3
    assert not added & queries(benchmark.train)
    assert "yet another document" not in (benchmark.test.pairs or ())


def test_only_queries_that_can_be_evaluated_count_in_a_re_evaluation() -> None:
    split = Split(
        tuple("abcd"), ("q", "q", "r", "r"), tuple("wxyz"), ((1, 1), (1, 0), (2, 0), (2, 0))
    )
    assert evaluable_rows(RANKING, split).ids == ("a", "b")


def test_unlabelled_documents_of_test_queries_are_left_out(tmp_path: Path) -> None:
    benchmark = load(tmp_path, TRAIN, TEST)
    rows = [("test 1", "unknown document", 0.0), ("train 1", "unknown document", 0.0)]
    path = write(tmp_path / "more.jsonl", rows)
    filtered = read_filtered_unlabelled(benchmark, path, RankingColumns())
    assert (filtered.test, filtered.rows.texts) == (1, ("train 1",))
