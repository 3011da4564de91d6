from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from coldpress.data.judge import Judge, read_judged_queries, read_scored_pairs
from coldpress.errors import InputError
from tests.support.json_lines import write_jsonl

CORPUS = (
    {"_id": "d1", "title": "Olive oil", "text": "It is pressed cold."},
    {"_id": "d2", "title": "", "text": "Stones are warm."},
    {"_id": "d3", "text": "No title."},
)
QUERIES = ({"_id": "q1", "text": "cold oil"}, {"_id": 2, "text": "stone"}, {"_id": 3, "text": "x"})
QRELS = "query-id\tcorpus-id\tscore\n2\td2\t2\nq1\td1\t1\nq1\td3\t0\n"


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    (tmp_path / "qrels.tsv").write_text(QRELS)
    return Judge(
        corpus=write_jsonl(tmp_path / "corpus.jsonl", CORPUS),
        queries=write_jsonl(tmp_path / "queries.jsonl", QUERIES),
        qrels=tmp_path / "qrels.tsv",
    )


def test_documents_are_title_and_text_and_grades_go_by_row(judge: Judge) -> None:
    data = read_judged_queries(judge)
    assert data.documents == ("Olive oil It is pressed cold.", "Stones are warm.", "No title.")
    assert data.ids == ("q1", "2")
    assert data.queries == ("cold oil", "stone")
    assert data.grades == ({0: 1, 2: 0}, {1: 2})
    assert data.rows == (0, 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q9\td1\t1", "line 5: query-id 'q9' is not an _id of benchmark.judge.queries"),
        ("q1\td9\t1", "line 5: corpus-id 'd9' is not an _id of benchmark.judge.corpus"),
        ("q1\td2\thigh", "line 5: 'score' is 'high', not a whole number"),
        ("q1\td1\t2", "line 5: query 'q1' and document 'd1' occur twice"),
        ("3\td1\t0", ": query '3' has no relevant document: none of its scores is above 0"),
        ("q1\td1", "line 5: 2 fields, but the header has 3"),
    ],
)
def test_a_wrong_line_of_the_qrels_is_named(judge: Judge, line: str, message: str) -> None:
    assert judge.qrels is not None
    judge.qrels.write_text(f"{QRELS}{line}\n")
    with pytest.raises(InputError) as error:
        read_judged_queries(judge)
    assert str(error.value).startswith(f"benchmark.judge.qrels: {judge.qrels}")
    assert str(error.value).endswith(message)


def test_qrels_need_their_header(judge: Judge) -> None:
    assert judge.qrels is not None
    judge.qrels.write_text("q1\td1\t1\n")
    with pytest.raises(InputError, match="line 1: no column 'query-id'"):
        read_judged_queries(judge)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((), "corpus.jsonl has no rows"),
        ((*CORPUS, CORPUS[1]), "line 4: '_id' 'd2' is that of line 2, too"),
        (({"_id": "d1", "title": " ", "text": ""},), "line 1: 'title' and 'text' are blank"),
        (({"title": "no id", "text": "a"},), "line 1: no column '_id'"),
    ],
)
def test_a_wrong_corpus_is_refused(
    judge: Judge, rows: tuple[dict[str, Any], ...], message: str
) -> None:
    assert judge.corpus is not None
    write_jsonl(judge.corpus, rows)
    with pytest.raises(InputError) as error:
        read_judged_queries(judge)
    assert message in str(error.value)


def test_pairs_are_read_with_the_columns_of_the_hub(tmp_path: Path) -> None:
    row = {"sentence1": "A man dances.", "sentence2": "Someone moves.", "score": 3.5, "genre": "x"}
    judge = Judge(pairs=write_jsonl(tmp_path / "pairs.jsonl", (row,)))
    pairs = read_scored_pairs(judge)
    assert (pairs.first, pairs.second) == (("A man dances.",), ("Someone moves.",))
    assert pairs.rows.columns["score"] == [3.5]


@pytest.mark.parametrize(
    "files", [{}, {"corpus": "a"}, {"pairs": "a", "qrels": "b"}, {"corpus": "a", "queries": "b"}]
)
def test_a_judge_is_complete_and_of_one_form(files: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="either corpus, queries and qrels, or pairs"):
        Judge.model_validate(files)
