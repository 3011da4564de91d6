"""The answer of each row of a file, whichever columns contain it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from coldpress.data.rows import Rows
from coldpress.data.splits import WordSpans
from coldpress.errors import InputError
from coldpress.kinds.finite_number import finite_number
from coldpress.kinds.kind import TaskKind
from coldpress.kinds.spans import Span, read_span_list, span_tags
from coldpress.kinds.tags import entity_types
from coldpress.teacher.answers.label_values import (
    Scale,
    distribution_logits,
    independent_logits,
    read_probabilities,
)

ANSWER = "answer"
CONFIDENCE = "confidence"

Outputs = NDArray[np.float32]
"""Outputs for a row, shape (units, outputs)."""


def optional_columns(kind: TaskKind, names: Sequence[str]) -> list[str]:
    """Return the columns that may contain the answers.

    Args:
        kind: Task kind of the rows.
        names: Names of the outputs.
    """
    labels = names if kind.has_labels and kind.head == "text" else ()
    return list(dict.fromkeys([ANSWER, CONFIDENCE, *labels]))


def row_values(rows: Rows, names: Sequence[str]) -> list[object]:
    """Return the answer of each row as it is written.

    Args:
        rows: With the columns of `optional_columns`; one that is missing has only None.
        names: Names of the outputs.

    Returns:
        The content of `answer`, or a mapping from labels to numbers: of the labels' own columns, or
        of a label in `answer` and its `confidence`.

    Raises:
        InputError: Neither is there, a label has no confidence, or the content is not JSON.
    """
    columns = rows.columns
    if any(value is not None for value in columns[ANSWER]):
        cells = zip(columns[ANSWER], columns[CONFIDENCE], strict=True)
        return [_read_cell(*cell, rows.locate(row)) for row, cell in enumerate(cells)]
    absent = [name for name in names if all(v is None for v in columns.get(name, [None]))]
    if absent:
        raise InputError(
            f"{rows.location}: no column {ANSWER!r}, and none with the numbers of {absent[0]!r}"
        )
    return [{name: columns[name][row] for name in names} for row in range(len(rows))]


def _read_cell(answer: object, confidence: object, location: str) -> object:
    """Read a cell as JSON if it looks like it, since a .csv file has only text."""
    place = f"{location}: {ANSWER!r}"
    if isinstance(answer, str) and answer.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(answer)
        except ValueError as error:
            raise InputError(f"{place} is not JSON: {error}") from error
    if confidence is None:
        return answer
    number = finite_number(confidence, f"{location}: {CONFIDENCE!r}")
    return {str(answer): number}


def output_reader(
    kind: TaskKind, names: Sequence[str], scale: Scale
) -> Callable[[object, str, str, WordSpans], Outputs]:
    """Return a function that converts an answer to the outputs of a model.

    Args:
        kind: Task kind of the rows.
        names: Names of the outputs.
        scale: Scale of the numbers that belong to labels.

    Returns:
        From a value of `row_values`, its place in the file, the row's text and its words (empty for
        kinds that predict the text as a whole) to an array of shape (units, outputs). It raises
        InputError for a value that is not an answer of this kind.
    """

    def read_labels(value: object, place: str, _text: str, _words: WordSpans) -> Outputs:
        probabilities = read_probabilities(value, names, scale, place)
        if kind.activation == "sigmoid":
            return independent_logits(probabilities, names)[None]
        return distribution_logits(probabilities, names, place)[None]

    def read_entities(value: object, place: str, text: str, words: WordSpans) -> Outputs:
        return _read_entities(value, place, text, words, names)

    if kind.head == "sentence":
        return _read_vector
    if kind.head == "tokens":
        return read_entities
    return read_labels if kind.has_labels else _read_number


def _read_number(value: object, place: str, _text: str, _words: WordSpans) -> Outputs:
    return np.array([[finite_number(value, place)]], dtype=np.float32)


def _read_vector(value: object, place: str, _text: str, _words: WordSpans) -> Outputs:
    if not isinstance(value, list | tuple) or not value:
        found = "null" if value is None else type(value).__name__
        raise InputError(f"{place} is {found}, not a list of numbers")
    numbers = [finite_number(n, f"{place}: number {i}") for i, n in enumerate(value, start=1)]
    if not any(numbers):
        raise InputError(f"{place}: all numbers of the vector are 0")
    return np.array([numbers], dtype=np.float32)


def _read_entities(
    value: object, place: str, text: str, words: WordSpans, names: Sequence[str]
) -> Outputs:
    """Return the tags of a text's words; each word has its entity's confidence, or certainty."""
    spans = read_span_list(value, place, text)
    types = entity_types(names)
    for span in spans:
        if span.label not in types:
            raise InputError(f"{place} has the unknown type {span.label!r}")
    confidences = _span_confidences(value, place)
    tags = span_tags(spans, text, words, place)
    shares = [_confidence_at(start, spans, confidences) for start, _ in words]
    rows = [
        distribution_logits({tag: share}, names, place)
        for tag, share in zip(tags, shares, strict=True)
    ]
    return np.stack(rows)


def _span_confidences(value: object, place: str) -> dict[int, float]:
    """Return the confidence of each span by its start."""
    confidences: dict[int, float] = {}
    for item in value if isinstance(value, list | tuple) else ():
        if isinstance(item, Mapping) and item.get(CONFIDENCE) is not None:
            number = finite_number(item[CONFIDENCE], f"{place}: {CONFIDENCE!r}")
            if not 0 <= number <= 1:
                raise InputError(f"{place}: {CONFIDENCE!r} is {number:g}, not from 0 to 1")
            confidences[item["start"]] = number
    return confidences


def _confidence_at(place: int, spans: Sequence[Span], confidences: Mapping[int, float]) -> float:
    inside = (span.start for span in spans if span.start <= place < span.end)
    return confidences.get(next(inside, -1), 1.0)
