"""Columns of token classification: tokens with tags, or texts with spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from coldpress.data import synthetic_entities
from coldpress.data.rows import Rows, extract_texts
from coldpress.data.section import BenchmarkSection
from coldpress.data.sources import Columns
from coldpress.data.splits import Split, row_ids
from coldpress.data.words import join_words, split_words
from coldpress.errors import InputError


class TokenColumns(Columns):
    """Names of the source's columns: tokens and tags, or text and spans."""

    text_fields: ClassVar[tuple[str, ...]] = ("tokens", "text")

    tokens: Annotated[
        str | None, Field(min_length=1, description="Column of the words of a text, a list.")
    ] = None
    tags: Annotated[
        str | None,
        Field(min_length=1, description="Column of the words' tags: O, B-type, I-type."),
    ] = None
    text: Annotated[str | None, Field(min_length=1, description="Column of the text.")] = None
    spans: Annotated[
        str | None,
        Field(min_length=1, description="Column of the entities: start, end and label of each."),
    ] = None

    @model_validator(mode="after")
    def _check_pair_of_columns(self) -> Self:
        if set(self.columns_by_field) not in ({"tokens", "tags"}, {"text", "spans"}):
            raise ValueError("name either tokens and tags, or text and spans")
        return self

    def build_split(self, source: Rows) -> Split:
        """Return the texts with their words, without tags."""
        if self.tokens is None:
            texts = extract_texts(source, self.texts[0])
            words = tuple(split_words(text) for text in texts)
        else:
            joined = [join_words(row) for row in read_tokens(source, self.tokens)]
            texts, words = (tuple(column) for column in zip(*joined, strict=True))
        return Split(row_ids(texts, None), texts, None, (), words=words)

    def generate_rows(self, count: int, seed: str) -> Mapping[str, Sequence[Any]]:
        """Generate requests that name persons, places and products."""
        examples = synthetic_entities.generate(count, seed)
        text, target = self.names
        if self.tokens is None:
            return {text: [e.text for e in examples], target: [e.spans for e in examples]}
        return {text: [e.tokens for e in examples], target: [e.tags for e in examples]}


class TokenClassificationBenchmark(BenchmarkSection):
    """Dataset for token classification: each word of a text has a tag."""

    kind: Literal["token-classification"]
    columns: TokenColumns = TokenColumns(tokens="tokens", tags="tags")


def read_tokens(source: Rows, column: str) -> list[list[str]]:
    """Return the words of each row.

    Args:
        source: Rows of any split.
        column: Column of the words.

    Raises:
        InputError: A value is not a list of texts that are not blank.
    """
    return [
        _list_of_texts(value, f"{source.locate(row)}: {column!r}", "token")
        for row, value in enumerate(source.columns[column])
    ]


def read_tags(source: Rows, columns: TokenColumns) -> list[list[str]]:
    """Return the tags of each row, one for each of its words.

    Args:
        source: Rows with tokens and tags.
        columns: Names of both columns.

    Raises:
        InputError: A value is not a list of tags, or there are not as many as words.
    """
    column = columns.target_column
    words = read_tokens(source, columns.texts[0])
    rows = []
    for row, value in enumerate(source.columns[column]):
        place = f"{source.locate(row)}: {column!r}"
        tags = _list_of_texts(value, place, "tag")
        if len(tags) != len(words[row]):
            raise InputError(
                f"{place} has {len(tags)} tags, but {columns.texts[0]!r} has {len(words[row])}"
                " tokens"
            )
        for tag in tags:
            _check_tag(tag, place)
        rows.append(tags)
    return rows


def _check_tag(tag: str, place: str) -> None:
    prefix, dash, name = tag.partition("-")
    if tag == "O":
        return
    if prefix not in ("B", "I"):
        raise InputError(f"{place} has the tag {tag!r}, which is neither O, B-type nor I-type")
    if not dash or not name.strip():
        raise InputError(f"{place} has the tag {tag!r} without a type")


def _list_of_texts(value: object, place: str, item: str) -> list[str]:
    if not isinstance(value, list | tuple):
        found = "null" if value is None else type(value).__name__
        raise InputError(f"{place} is {found}, not a list of {item}s")
    if not value:
        raise InputError(f"{place} is an empty list")
    for number, text in enumerate(value, start=1):
        if not isinstance(text, str):
            raise InputError(f"{place}: {item} {number} is {type(text).__name__}, not a string")
        if not text.strip():
            raise InputError(f"{place}: {item} {number} is blank")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{place}: {item} {number} has half a surrogate pair") from error
    return list(value)
