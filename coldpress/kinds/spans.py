"""Entities as spans of characters, and the tags of their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from coldpress.data.rows import Rows
from coldpress.data.splits import WordSpans
from coldpress.errors import InputError

_FIELDS = ("start", "end", "label")


@dataclass(frozen=True, order=True)
class Span:
    """An entity in a text: characters from `start` up to `end`."""

    start: int
    end: int
    label: str


def read_spans(source: Rows, column: str, texts: Sequence[str]) -> list[list[Span]]:
    """Return the spans of each row in the order of the text.

    Args:
        source: Rows of any split.
        column: Column of the spans.
        texts: Text of each row.

    Raises:
        InputError: A value is not a list of spans within the text that do not overlap.
    """
    return [
        read_span_list(value, f"{source.locate(row)}: {column!r}", texts[row])
        for row, value in enumerate(source.columns[column])
    ]


def span_tags(spans: Sequence[Span], text: str, words: WordSpans, place: str) -> list[str]:
    """Return the tags of a text's words.

    Args:
        spans: In order, without overlap.
        text: The text.
        words: Start and end of each word.
        place: Row and column, for the message.

    Raises:
        InputError: A span begins or ends within a word, or contains none.
    """
    tags = ["O"] * len(words)
    for span in spans:
        inside = [
            index
            for index, (start, end) in enumerate(words)
            if start < span.end and end > span.start
        ]
        if not inside:
            raise InputError(f"{place}: {_quote(span, text)} contains no word")
        for index in inside:
            start, end = words[index]
            if start < span.start or end > span.end:
                raise InputError(
                    f"{place}: {_quote(span, text)} cuts the word {text[start:end]!r} at {start}"
                )
            tags[index] = f"{'B' if index == inside[0] else 'I'}-{span.label}"
    return tags


def read_span_list(value: object, place: str, text: str) -> list[Span]:
    """Return the spans of a text in their order.

    Args:
        value: A list of mappings with start, end and label.
        place: Row and column, for the message.
        text: The text.

    Raises:
        InputError: The value is not a list of spans within the text that do not overlap.
    """
    if not isinstance(value, list | tuple):
        found = "null" if value is None else type(value).__name__
        raise InputError(f"{place} is {found}, not a list of spans")
    spans = sorted(_read_span(item, place, text) for item in value)
    for span, following in pairwise(spans):
        if following.start < span.end:
            raise InputError(f"{place}: {_quote(span, text)} and {_quote(following, text)} overlap")
    return spans


def _read_span(value: object, place: str, text: str) -> Span:
    if not isinstance(value, dict) or any(field not in value for field in _FIELDS):
        raise InputError(f"{place} has {value!r}, which is not a span with start, end and label")
    start, end, label = (value[field] for field in _FIELDS)
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in (start, end))
    if not whole or not 0 <= start < end <= len(text):
        raise InputError(
            f"{place}: start {start!r} and end {end!r} are not a span of the text's"
            f" {len(text)} characters"
        )
    if not isinstance(label, str) or not label.strip():
        raise InputError(f"{place}: the label of the span from {start} to {end} is {label!r}")
    return Span(start, end, label)


def _quote(span: Span, text: str) -> str:
    return f"the span {text[span.start : span.end]!r} from {span.start} to {span.end}"
