"""Check that a teacher's tokenizer returns the same token ids as transformers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coldpress.benchmark.loading import Benchmark
from coldpress.data.sampling import evenly_spaced_rows
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.teacher.tokenizer.loading import TeacherTokenizer
from coldpress.teacher.tokenizer.probe_texts import build_probe_texts

_SAMPLE_SIZE = 500
"""Rows of each split, evenly spaced."""
_MAX_PROBED_TOKENS = 200
_BATCH_SIZE = 1000

Row = str | tuple[str, str]


@dataclass(frozen=True)
class _TokenIds:
    """Token ids and segment ids of a row; no segment ids for a model without segments."""

    ids: list[int]
    segments: list[int]


def compare_with_transformers(source: TeacherTokenizer, data: Benchmark) -> None:
    """Tokenize probe texts and a sample of training and validation rows in both ways.

    Args:
        source: The tokenizer that Coldpress would use, and the one of transformers.
        data: The benchmark; its test rows are not used.

    Raises:
        InputError: A text cannot be tokenized, has other token ids in transformers, or has a token
            or segment id beyond the model's tables.
    """
    paired = data.train.pairs is not None
    _check_max_tokens(source, paired)
    names = [str(token) for token in source.reference.get_added_vocab()][:_MAX_PROBED_TOKENS]
    probes = build_probe_texts(names)
    _check_rows(source, probes)
    _check_dropped_tokens(source, data)
    if paired:
        _check_rows(source, list(zip(probes, (*probes[1:], probes[0]), strict=True)))
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
    for row, actual, expected in _tokenize_both(source, rows):
        _check_table_sizes(source, row, actual)
        if max(expected.ids, default=0) >= source.rows:
            continue  # the row contains a dropped token, which the model could not read
        if actual != expected:
            first, second = ("/".join(map(str, t.ids[:8])) for t in (actual, expected))
            raise InputError(
                f"{source.place}: a tokenizer.json cannot express this tokenizer: the token ids of"
                f" {_quote_row(row)} are {first}, but {second} in transformers"
            )


def _check_table_sizes(source: TeacherTokenizer, row: Row, tokens: _TokenIds) -> None:
    if not tokens.ids:
        raise InputError(
            f"{source.place}: the tokenizer returns no token for {_quote_row(row)}; give it a"
            " post_processor that adds special tokens"
        )
    largest = max(tokens.ids)
    if largest >= source.rows:
        raise InputError(
            f"{source.place}: {_quote_row(row)} has the token {_quote_token(source, largest)},"
            f" id {largest}, but vocab_size is {source.rows}; resize the model's token embeddings"
        )
    if source.segments > 1 and max(tokens.segments) >= source.segments:
        raise InputError(
            f"{source.place}: {_quote_row(row)} has the segment {max(tokens.segments)}, but"
            f" type_vocab_size is {source.segments}"
        )


def _check_dropped_tokens(source: TeacherTokenizer, data: Benchmark) -> None:
    """Refuse rows that contain a dropped token."""
    if not source.dropped:
        return
    for name, split in (("train", data.train), ("validation", data.validation)):
        rows = _rows_of(split)
        for row, ids in zip(rows, _raw_ids(source, rows), strict=True):
            largest = max(ids, default=0)
            if largest >= source.rows:
                raise InputError(
                    f"{source.place}: the added token {_quote_token(source, largest)} has the id"
                    f" {largest}, but vocab_size is {source.rows}, and {_quote_row(row)} in {name}"
                    " contains it; resize the model's token embeddings or remove the token"
                )


def _raw_ids(source: TeacherTokenizer, rows: Sequence[Row]) -> Iterator[list[int]]:
    """Yield the token ids of each row in transformers, without special tokens or truncation."""
    backend = source.reference.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    for start in range(0, len(rows), _BATCH_SIZE):
        batch = list(rows[start : start + _BATCH_SIZE])
        for encoding in backend.encode_batch(batch, add_special_tokens=False):
            yield encoding.ids


def _tokenize_both(
    source: TeacherTokenizer, rows: Sequence[Row]
) -> Iterator[tuple[Row, _TokenIds, _TokenIds]]:
    """Yield each row with its token ids by Coldpress and by transformers."""
    for start in range(0, len(rows), _BATCH_SIZE):
        batch = list(rows[start : start + _BATCH_SIZE])
        try:
            actual = _tokenize(source, batch)
            expected = _tokenize_with_transformers(source, batch)
        except Exception as error:  # the libraries have no narrower exception
            if len(batch) == 1:
                raise InputError(
                    f"{source.place}: the tokenizer cannot read {_quote_row(batch[0])}: {error};"
                    " give it an unknown token that is in its vocabulary"
                ) from error
            yield from _tokenize_one_by_one(source, batch)
        else:
            yield from zip(batch, actual, expected, strict=True)


def _tokenize_one_by_one(
    source: TeacherTokenizer, rows: Sequence[Row]
) -> Iterator[tuple[Row, _TokenIds, _TokenIds]]:
    """Find the row of a batch that a tokenizer cannot read."""
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
    encoded = source.reference(texts, pairs, truncation=True, max_length=source.max_tokens)
    ids = encoded["input_ids"]
    segments = encoded.get("token_type_ids") or [[0] * len(row) for row in ids]
    return [_token_ids(source, *row) for row in zip(ids, segments, strict=True)]


def _token_ids(source: TeacherTokenizer, ids: list[int], segments: list[int]) -> _TokenIds:
    """Ignore the segment ids if the model has no segments."""
    return _TokenIds(ids, segments if source.segments > 1 else [])


def _sample_rows(split: Split) -> list[Row]:
    rows = _rows_of(split)
    return [rows[index] for index in evenly_spaced_rows(len(rows), _SAMPLE_SIZE)]


def _rows_of(split: Split) -> list[Row]:
    return list(split.texts if split.pairs is None else zip(split.texts, split.pairs, strict=True))


def _quote_token(source: TeacherTokenizer, token: int) -> str:
    # convert_ids_to_tokens returns the normalized name of an added token, not that in the files.
    names = {token_id: name for name, token_id in source.reference.get_added_vocab().items()}
    return repr(names.get(token) or source.reference.convert_ids_to_tokens(token))


def _quote_row(row: Row) -> str:
    text = row if isinstance(row, str) else " | ".join(row)
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
