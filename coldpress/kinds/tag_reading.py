"""Read the tags of words from a source's rows, whatever form they have there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

from coldpress.data.rows import Rows, extract_texts
from coldpress.data.sources import Columns
from coldpress.data.words import split_words
from coldpress.kinds import tags
from coldpress.kinds.spans import read_spans, span_tags
from coldpress.kinds.token_columns import TokenColumns, read_tags

_logger = logging.getLogger(__name__)


def read_tag_names(rows: Rows, columns: Columns) -> list[list[str]]:
    """Return the tags of each row's words, as they are given or from the spans.

    Args:
        rows: Rows of any split.
        columns: Names of the columns.

    Raises:
        InputError: A row is invalid; the message names it.
    """
    fields = cast("TokenColumns", columns)
    if fields.tokens is not None:
        return read_tags(rows, fields)
    column = fields.target_column
    texts = extract_texts(rows, fields.texts[0])
    spans = read_spans(rows, column, texts)
    return [
        span_tags(spans[row], text, split_words(text), f"{rows.locate(row)}: {column!r}")
        for row, text in enumerate(texts)
    ]


def report_inside_tags(
    rows: Rows, columns: Columns, given: Sequence[Sequence[int]], changed: Sequence[int]
) -> None:
    """Report entities that begin with I in a file whose other entities begin with B.

    In IOB1 all do, and B only separates an entity from one of the same type before it.

    Args:
        rows: Rows of a file.
        columns: Names of the columns.
        given: Tags of each row, as in the file.
        changed: How many of them are no beginnings but begin an entity.
    """
    if not any(changed) or not any(map(_begins_with_b, given)):
        return
    number = sum(count > 0 for count in changed)
    first = next(row for row, count in enumerate(changed) if count)
    _logger.warning(
        "%s: in %d of %d rows %r has an I tag that does not continue an entity of its type, first"
        " in %s %d; it is read as the beginning of one",
        rows.location,
        number,
        len(rows),
        columns.target_column,
        rows.unit,
        rows.numbers[first],
    )


def _begins_with_b(row: Sequence[int]) -> bool:
    """Return whether B begins an entity that does not follow one of the same type."""
    before = [tags.OUTSIDE, *row]
    return any(
        tag % 2 == 1 and (tag + 1) // 2 != (previous + 1) // 2
        for previous, tag in zip(before, row, strict=False)
    )
