"""Judge data of sentence embeddings: a corpus with queries and relevance, or scored pairs.

Corpus, queries and qrels are in the format of BEIR (Thakur et al. 2021): `_id`, `title` and `text`
in the corpus, `_id` and `text` in the queries, and a table of query, document and grade.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from coldpress.data import file_formats, rows
from coldpress.data.rows import Rows
from coldpress.errors import InputError
from coldpress.schema.section import Section, UserPath

_FIELD = "benchmark.judge"
_QRELS = ("query-id", "corpus-id", "score")
PAIR_COLUMNS = ("sentence1", "sentence2", "score")
"""Columns of scored pairs, as the hub's similarity datasets name them."""


class Judge(Section):
    """Data that vectors are evaluated on: a corpus, queries and qrels; or pairs; or a bitext."""

    corpus: Annotated[
        UserPath | None, Field(description="Documents: _id, text and optionally title.")
    ] = None
    queries: Annotated[UserPath | None, Field(description="Queries: _id and text.")] = None
    qrels: Annotated[
        UserPath | None,
        Field(description="Grades: a .tsv file with query-id, corpus-id and score."),
    ] = None
    pairs: Annotated[
        UserPath | None, Field(description="Scored pairs: sentence1, sentence2 and score.")
    ] = None
    bitext: Annotated[
        UserPath | None,
        Field(description="Texts with translations, in the columns of the training rows."),
    ] = None

    @model_validator(mode="after")
    def _check_complete(self) -> Self:
        files = (self.corpus, self.queries, self.qrels)
        judges = [bool(any(files)), self.pairs is not None, self.bitext is not None]
        if sum(judges) != 1 or (judges[0] and None in files):
            raise ValueError("needs either corpus, queries and qrels, or pairs, or bitext")
        return self


@dataclass(frozen=True)
class JudgedQueries:
    """Queries with the grades of documents.

    Attributes:
        ids: Of the queries that occur in the qrels, in the order of the queries file.
        queries: Their texts.
        documents: All texts of the corpus: title and text, separated by a space.
        grades: For each query, grades by document number.
        rows: Row numbers of the queries in their file.
    """

    ids: tuple[str, ...]
    queries: tuple[str, ...]
    documents: tuple[str, ...]
    grades: tuple[Mapping[int, int], ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs of texts, and how similar they are.

    Attributes:
        first: First texts.
        second: Second texts.
        rows: The file's rows, whose scores are not read yet.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    rows: Rows


@dataclass(frozen=True)
class Corpus:
    """Documents.

    Attributes:
        numbers: Row of each document by its id.
        texts: Title and text, separated by a space.
    """

    numbers: Mapping[str, int]
    texts: tuple[str, ...]


def read_corpus(path: Path, field: str) -> Corpus:
    """Read the documents of a corpus.

    Args:
        path: A file with `_id`, `text` and optionally `title`.
        field: Name of the file in messages.

    Raises:
        InputError: The file or a row is invalid, or an id occurs twice.
    """
    corpus = file_formats.read_file(path, ["_id", "text"], field, optional=["title"])
    return Corpus(_number_ids(corpus), _document_texts(corpus))


def read_judged_queries(judge: Judge) -> JudgedQueries:
    """Read corpus, queries and qrels.

    Args:
        judge: With these three files.

    Raises:
        InputError: A file or row is invalid, a document or query is unknown, an id occurs twice,
            or a query has no relevant document.
    """
    corpus_path, queries_path, qrels_path = _paths(judge)
    corpus = read_corpus(corpus_path, f"{_FIELD}.corpus")
    queries = file_formats.read_file(queries_path, ["_id", "text"], f"{_FIELD}.queries")
    texts = rows.extract_texts(queries, "text")
    grades = _read_grades(qrels_path, _number_ids(queries), corpus.numbers)
    ids = rows.extract_labels(queries, "_id")
    query_rows = [row for row in range(len(queries)) if row in grades]
    return JudgedQueries(
        ids=tuple(ids[row] for row in query_rows),
        queries=tuple(texts[row] for row in query_rows),
        documents=corpus.texts,
        grades=tuple(grades[row] for row in query_rows),
        rows=tuple(query_rows),
    )


def read_scored_pairs(judge: Judge) -> ScoredPairs:
    """Read scored pairs.

    Args:
        judge: With the file of pairs.

    Raises:
        InputError: The file or a text is invalid.
    """
    if judge.pairs is None:
        raise ValueError("the judge has no pairs")
    pairs = file_formats.read_file(judge.pairs, PAIR_COLUMNS, f"{_FIELD}.pairs")
    first, second, _ = PAIR_COLUMNS
    return ScoredPairs(rows.extract_texts(pairs, first), rows.extract_texts(pairs, second), pairs)


def _paths(judge: Judge) -> tuple[Path, Path, Path]:
    if judge.corpus is None or judge.queries is None or judge.qrels is None:
        raise ValueError("the judge has no corpus")
    return judge.corpus, judge.queries, judge.qrels


def _document_texts(corpus: Rows) -> tuple[str, ...]:
    """Join title and text, as BEIR does; one of them may be blank."""
    titles = rows.extract_optional_texts(corpus, "title")
    bodies = rows.extract_optional_texts(corpus, "text")
    texts = tuple(f"{t or ''} {b or ''}".strip() for t, b in zip(titles, bodies, strict=True))
    for row, text in enumerate(texts):
        if not text:
            raise InputError(f"{corpus.locate(row)}: 'title' and 'text' are blank")
    return texts


def _number_ids(source: Rows) -> dict[str, int]:
    """Return the row of each id."""
    numbers: dict[str, int] = {}
    for row, name in enumerate(rows.extract_labels(source, "_id")):
        if name in numbers:
            first = source.locate(numbers[name]).removeprefix(f"{source.location} ")
            raise InputError(f"{source.locate(row)}: '_id' {name!r} is that of {first}, too")
        numbers[name] = row
    return numbers


def _read_grades(
    path: Path, queries: Mapping[str, int], documents: Mapping[str, int]
) -> dict[int, dict[int, int]]:
    """Return grades by the rows of query and document; each query has a relevant document."""
    qrels = file_formats.read_tsv(path, _QRELS, f"{_FIELD}.qrels")
    grades: dict[int, dict[int, int]] = {}
    for row, (query, document, grade) in enumerate(_judgements(qrels)):
        for name, ids, column in (
            (query, queries, _QRELS[0]),
            (document, documents, _QRELS[1]),
        ):
            if name not in ids:
                source = "queries" if ids is queries else "corpus"
                raise InputError(
                    f"{qrels.locate(row)}: {column} {name!r} is not an _id of {_FIELD}.{source}"
                )
        by_document = grades.setdefault(queries[query], {})
        if documents[document] in by_document:
            raise InputError(
                f"{qrels.locate(row)}: query {query!r} and document {document!r} occur twice"
            )
        by_document[documents[document]] = grade
    _check_relevant(grades, list(queries), qrels.location)
    return grades


def _judgements(qrels: Rows) -> Iterator[tuple[str, str, int]]:
    """Yield query, document and grade of each row."""
    for row, values in enumerate(zip(*(qrels.columns[name] for name in _QRELS), strict=True)):
        query, document, grade = values
        try:
            yield query, document, int(grade)
        except ValueError as error:
            raise InputError(
                f"{qrels.locate(row)}: 'score' is {grade!r}, not a whole number"
            ) from error


def _check_relevant(
    grades: Mapping[int, Mapping[int, int]], names: Sequence[str], location: str
) -> None:
    for query, by_document in grades.items():
        if max(by_document.values()) <= 0:
            raise InputError(
                f"{location}: query {names[query]!r} has no relevant document: none of its scores"
                " is above 0"
            )
