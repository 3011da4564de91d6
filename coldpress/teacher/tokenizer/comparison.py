"""Prove that a teacher's texts are read as transformers would read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from coldpress.data.benchmark import Benchmark
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.teacher.tokenizer.loading import TeacherTokenizer
from coldpress.teacher.tokenizer.probe_texts import build_probe_texts

_SAMPLE_SIZE = 500
"""Rows of each split, spread evenly."""
_MAX_PROBED_TOKENS = 200
_BATCH_SIZE = 1000

Row = str | tuple[str, str]


@dataclass(frozen=True)
class _TokenIds:
    """Token ids and segment ids of a row."""

    ids: list[int]
    segments: list[int]


def compare_with_transformers(source: TeacherTokenizer, data: Benchmark) -> None:
    """Read odd texts and some of the training and validation rows in both ways.

    Args:
        source: The tokenizer that Coldpress would use, and the one of transformers.
        data: The benchmark's rows; test rows are not looked at.

    Raises:
        InputError: A text is read otherwise, cannot be read, or needs a row that the model's
            tables do not have.
    """
    paired = data.train.pairs is not None
    _check_max_tokens(source, paired)
    names = [str(token) for token in source.reference.get_added_vocab()][:_MAX_PROBED_TOKENS]
    odd = build_probe_texts(names)
    _check_rows(source, odd)
    _check_dropped_tokens(source, data)
    if paired:
        _check_rows(source, list(zip(odd, (*odd[1:], odd[0]), strict=True)))
    for split in (data.train, data.validation):
        _check_rows(source, _sample_rows(split))


def _check_max_tokens(source: TeacherTokenizer, paired: bool) -> None:
    special = source.tokenizer.num_special_tokens_to_add(paired)
    if source.max_tokens <= special:
        raise InputError(
            f"{source.place}: at most {source.max_tokens} tokens fit, and {special} of them are"
            " special: no room for a text"
        )


def _check_rows(source: TeacherTokenizer, rows: Sequence[Row]) -> None:
    for row, ours, theirs in _tokenize_both(source, rows):
        _check_table_sizes(source, row, ours)
        if max(theirs.ids, default=0) >= source.rows:
            continue  # transformers cannot answer what holds a dropped token
        if ours != theirs:
            first, second = ("/".join(map(str, r.ids[:8])) for r in (ours, theirs))
            raise InputError(
                f"{source.place}: a tokenizer.json cannot express this tokenizer: "
                f"{_quote_row(row)} is"
                f" read as {first}, and as {second} by transformers"
            )


def _check_table_sizes(source: TeacherTokenizer, row: Row, reading: _TokenIds) -> None:
    if not reading.ids:
        raise InputError(
            f"{source.place}: the tokenizer makes no token of {_quote_row(row)}; give it a"
            " post_processor that puts special tokens around texts"
        )
    beyond = max(reading.ids)
    if beyond >= source.rows:
        raise InputError(
            f"{source.place}: {_quote_row(row)} has the token "
            f"{_quote_token(source, beyond)}, id {beyond},"
            f" but vocab_size is {source.rows}; resize the model's token embeddings"
        )
    if source.segments > 1 and max(reading.segments) >= source.segments:
        raise InputError(
            f"{source.place}: {_quote_row(row)} has the segment {max(reading.segments)}, but"
            f" type_vocab_size is {source.segments}"
        )


def _check_dropped_tokens(source: TeacherTokenizer, data: Benchmark) -> None:
    """Refuse rows with a token that the model has no row for; elsewhere it was only left out."""
    if not source.dropped:
        return
    for name, split in (("train", data.train), ("validation", data.validation)):
        rows = _rows_of(split)
        for at, ids in enumerate(_raw_ids(source, rows)):
            beyond = max(ids, default=0)
            if beyond >= source.rows:
                raise InputError(
                    f"{source.place}: the added token {_quote_token(source, beyond)} has"
                    f" the id {beyond},"
                    f" but vocab_size is {source.rows}, and {_quote_row(rows[at])} in {name}"
                    " holds it;"
                    " resize the model's token embeddings or remove the token"
                )


def _raw_ids(source: TeacherTokenizer, rows: Sequence[Row]) -> Iterator[list[int]]:
    backend = source.reference.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    for start in range(0, len(rows), _BATCH_SIZE):
        some = list(rows[start : start + _BATCH_SIZE])
        for encoding in backend.encode_batch(some, add_special_tokens=False):
            yield encoding.ids


def _tokenize_both(
    source: TeacherTokenizer, rows: Sequence[Row]
) -> Iterator[tuple[Row, _TokenIds, _TokenIds]]:
    for start in range(0, len(rows), _BATCH_SIZE):
        some = list(rows[start : start + _BATCH_SIZE])
        try:
            read = zip(
                some,
                _tokenize(source, some),
                _tokenize_with_transformers(source, some),
                strict=True,
            )
        except Exception as error:  # the libraries raise nothing narrower
            if len(some) == 1:
                raise InputError(
                    f"{source.place}: the tokenizer cannot read {_quote_row(some[0])}: {error};"
                    " give it an unknown token that is in its vocabulary"
                ) from error
            yield from _tokenize_one_by_one(source, some)
        else:
            yield from read


def _tokenize_one_by_one(
    source: TeacherTokenizer, rows: Sequence[Row]
) -> Iterator[tuple[Row, _TokenIds, _TokenIds]]:
    for row in rows:
        yield from _tokenize_both(source, [row])


def _tokenize(source: TeacherTokenizer, rows: list[Row]) -> list[_TokenIds]:
    padding = source.tokenizer.padding
    source.tokenizer.no_padding()
    try:
        encodings = source.tokenizer.encode_batch(rows)
    finally:
        if padding:
            source.tokenizer.enable_padding(**padding)
    return [_token_ids(source, e.ids, e.type_ids) for e in encodings]


def _tokenize_with_transformers(source: TeacherTokenizer, rows: list[Row]) -> list[_TokenIds]:
    texts = [row if isinstance(row, str) else row[0] for row in rows]
    pairs = None if isinstance(rows[0], str) else [row[1] for row in rows]
    read = source.reference(texts, pairs, truncation=True, max_length=source.max_tokens)
    ids = read["input_ids"]
    segments = read.get("token_type_ids") or [[0] * len(row) for row in ids]
    return [_token_ids(source, *both) for both in zip(ids, segments, strict=True)]


def _token_ids(source: TeacherTokenizer, ids: list[int], segments: list[int]) -> _TokenIds:
    """Leave segments out of account where the model has no table for them."""
    return _TokenIds(ids, segments if source.segments > 1 else [])


def _sample_rows(split: Split) -> list[Row]:
    rows = _rows_of(split)
    chosen = np.linspace(0, len(rows) - 1, min(_SAMPLE_SIZE, len(rows))).round().astype(int)
    return [rows[at] for at in chosen]


def _rows_of(split: Split) -> list[Row]:
    return list(split.texts if split.pairs is None else zip(split.texts, split.pairs, strict=True))


def _quote_token(source: TeacherTokenizer, token: int) -> str:
    # The id of an added token leads to its normalized name, which is not the one in the files.
    names = {at: name for name, at in source.reference.get_added_vocab().items()}
    return repr(names.get(token) or source.reference.convert_ids_to_tokens(token))


def _quote_row(row: Row) -> str:
    text = row if isinstance(row, str) else " | ".join(row)
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
