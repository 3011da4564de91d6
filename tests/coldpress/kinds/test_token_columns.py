"""Columns of token classification: what is read, and every invalid row with its line."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from coldpress.data.rows import Rows
from coldpress.errors import InputError
from coldpress.kinds import KINDS
from coldpress.kinds.token_columns import TokenColumns

KIND = KINDS["token-classification"]
TOKENS = TokenColumns(tokens="words", tags="tags")
SPANS = TokenColumns(text="text", spans="entities")


def rows(first: str, values: list[Any], second: str, targets: list[Any]) -> Rows:
    columns = {first: values, second: targets}
    return Rows("benchmark.source.train: train.jsonl", "line", range(1, len(values) + 1), columns)


def tagged(*pairs: tuple[Any, Any]) -> Rows:
    return rows("words", [words for words, _ in pairs], "tags", [tags for _, tags in pairs])


def spanned(*pairs: tuple[Any, Any]) -> Rows:
    return rows("text", [text for text, _ in pairs], "entities", [spans for _, spans in pairs])


def span(start: Any, end: Any, label: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"start": start, "end": end, "label": label}


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"tokens": "words"},
        {"text": "text"},
        {"tokens": "words", "spans": "entities"},
        {"text": "text", "tags": "tags"},
        {"text": "text", "tokens": "words", "tags": "tags"},
    ],
)
def test_either_tokens_and_tags_or_text_and_spans_are_named(names: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="name either tokens and tags, or text and spans"):
        TokenColumns(**names)


def test_tokens_are_words_of_the_joined_text() -> None:
    source = tagged((["Mei", "'s", "parcel"], ["B-PER", "O", "O"]))
    split = TOKENS.build_split(source)
    assert split.texts == ("Mei 's parcel",)
    assert split.words == (((0, 3), (4, 6), (7, 13)),)
    names = KIND.output_names(source, TOKENS)
    assert names == ("O", "B-PER", "I-PER")
    assert KIND.read_targets(source, TOKENS, names) == ((1, 0, 0),)


def test_spans_become_tags_of_the_words_in_them() -> None:
    text = "Is Anna Berg in New York?"
    source = spanned((text, [span(16, 24, "LOC"), span(3, 12, "PER")]))
    names = KIND.output_names(source, SPANS)
    assert names == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert SPANS.build_split(source).texts == (text,)
    assert KIND.read_targets(source, SPANS, names) == ((0, 3, 4, 0, 1, 2, 0),)


def test_iob1_becomes_bio(caplog: pytest.LogCaptureFixture) -> None:
    source = tagged((["a", "b", "c", "d"], ["I-PER", "B-PER", "O", "I-PER"]))
    names = KIND.output_names(source, TOKENS)
    assert KIND.read_targets(source, TOKENS, names) == ((1, 1, 0, 1),)
    assert not caplog.records


def test_an_entity_of_a_bio_file_that_begins_with_i_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = tagged((["a"], ["B-PER"]), (["b", "c"], ["O", "I-PER"]), (["d"], ["I-PER"]))
    assert KIND.read_targets(source, TOKENS, KIND.output_names(source, TOKENS))[1] == (0, 1)
    (record,) = caplog.records
    assert record.getMessage() == (
        "benchmark.source.train: train.jsonl: in 2 of 3 rows 'tags' has an I tag that does not"
        " continue an entity of its type, first in line 2; it is read as the beginning of one"
    )


LINE = "benchmark.source.train: train.jsonl line 2: "


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((["a", "b"], ["O"]), "'tags' has 1 tags, but 'words' has 2 tokens"),
        ((["a"], ["B-"]), "'tags' has the tag 'B-' without a type"),
        ((["a"], ["B"]), "'tags' has the tag 'B' without a type"),
        ((["a"], ["S-PER"]), "'tags' has the tag 'S-PER', which is neither O, B-type nor I-type"),
        ((["a"], "O"), "'tags' is str, not a list of tags"),
        ((["a"], None), "'tags' is null, not a list of tags"),
        (([], []), "'words' is an empty list"),
        ((["a", " "], ["O", "O"]), "'words': token 2 is blank"),
        ((["a", 7], ["O", "O"]), "'words': token 2 is int, not a string"),
        (("a", ["O"]), "'words' is str, not a list of tokens"),
    ],
)
def test_an_invalid_row_of_tokens_is_refused(row: tuple[Any, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        KIND.output_names(tagged((["a"], ["B-PER"]), row), TOKENS)
    assert str(error.value) == LINE + message


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        (
            [span(0, 4, "PER"), span(3, 9, "PER")],
            "'entities': the span 'Anna' from 0 to 4 and the span 'a Berg' from 3 to 9 overlap",
        ),
        (
            [span(0, 11, "PER")],
            "'entities': start 0 and end 11 are not a span of the text's 9 characters",
        ),
        (
            [span(4, 4, "PER")],
            "'entities': start 4 and end 4 are not a span of the text's 9 characters",
        ),
        (
            [span("0", 4, "PER")],
            "'entities': start '0' and end 4 are not a span of the text's 9 characters",
        ),
        ([span(0, 3, "PER")], "'entities': the span 'Ann' from 0 to 3 cuts the word 'Anna' at 0"),
        ([span(4, 5, "PER")], "'entities': the span ' ' from 4 to 5 contains no word"),
        ([span(0, 4, " ")], "'entities': the label of the span from 0 to 4 is ' '"),
        (
            [{"start": 0, "end": 4}],
            "'entities' has {'start': 0, 'end': 4}, which is not a span with start, end and label",
        ),
        (None, "'entities' is null, not a list of spans"),
    ],
)
def test_an_invalid_row_of_spans_is_refused(spans: object, message: str) -> None:
    source = spanned(("Anna", [span(0, 4, "PER")]), ("Anna Berg", spans))
    with pytest.raises(InputError) as error:
        KIND.output_names(source, SPANS)
    assert str(error.value) == LINE + message


def test_a_type_that_is_not_in_training_is_refused() -> None:
    with pytest.raises(InputError) as error:
        KIND.read_targets(tagged((["a"], ["O"]), (["b"], ["I-ORG"])), TOKENS, ("O", "B-X", "I-X"))
    assert str(error.value) == (
        LINE + "'tags' has the type 'ORG', which is not in the training rows; their types are 'X'"
    )


def test_rows_without_an_entity_cannot_be_learned() -> None:
    with pytest.raises(InputError, match=r"train\.jsonl has no entity"):
        KIND.output_names(tagged((["a"], ["O"])), TOKENS)
    with pytest.raises(InputError, match=r"train\.jsonl has no entity"):
        KIND.check_split([(0, 0), (0,)], tagged((["a"], ["O"])))


@pytest.mark.parametrize("columns", [TOKENS, SPANS], ids=["tokens", "spans"])
def test_generated_rows_have_the_same_entities_in_both_forms(columns: TokenColumns) -> None:
    values = columns.generate_rows(60, "0:train")
    source = Rows("generated", "row", range(1, 61), values)
    names = KIND.output_names(source, columns)
    assert names == ("O", "B-person", "I-person", "B-place", "I-place", "B-product", "I-product")
    other = SPANS if columns is TOKENS else TOKENS
    again = Rows("generated", "row", range(1, 61), other.generate_rows(60, "0:train"))
    targets = KIND.read_targets(source, columns, names)
    assert targets == KIND.read_targets(again, other, names)
    assert sum(str(row).count("1") for row in targets) > 10
