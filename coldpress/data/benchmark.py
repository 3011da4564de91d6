"""Benchmarks: a dataset's splits, labels and digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Strict

from coldpress.data import file_formats, leakage, new_rows, rows, sources
from coldpress.data.new_rows import NewRowsSource
from coldpress.data.rows import Rows
from coldpress.data.sources import Columns, Source
from coldpress.data.splits import Split, row_ids, stratified_split
from coldpress.errors import InputError
from coldpress.schema.quoting import quote_names
from coldpress.schema.section import FlatChoice, Section

NEW_ROWS_TEST_SHARE = 0.3
"""Share of the new rows that joins the test split: a retrained model is evaluated on them too."""


class BenchmarkSection(Section):
    """Dataset, task kind and splits."""

    kind: Literal["text-classification"]
    source: Annotated[Source, Field(description="Source of the rows."), FlatChoice()]
    fresh: Annotated[
        tuple[Annotated[NewRowsSource, FlatChoice()], ...],
        Strict(False),
        Field(
            max_length=100, description="Labelled rows collected later; they join train and test."
        ),
    ] = ()
    columns: Columns = Columns()
    validation_share: Annotated[
        float,
        Field(ge=0.01, le=0.5, description="Share cut from train if there is no validation split."),
    ] = 0.1
    max_tokens: Annotated[
        int, Field(ge=8, le=8192, description="Longer texts are truncated, and counted.")
    ] = 128


@dataclass(frozen=True)
class Benchmark:
    """A checked dataset, ready to train on.

    Attributes:
        labels: Label names in a fixed (sorted) order.
        train: Training rows, without those that were split off for validation.
        validation: Rows for model selection.
        test: Rows that only the evaluate stage uses.
        digest: sha256 over the labels and all rows of all splits.
        overlap: Number of test rows whose text is also in train or validation.
    """

    labels: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    digest: str
    overlap: int

    @property
    def test_digest(self) -> str:
        """sha256 over the labels and the test rows only."""
        return _digest(self.labels, (self.test,))


def load_benchmark(
    section: BenchmarkSection, seed: int, slice_columns: Sequence[tuple[str, str]] = ()
) -> Benchmark:
    """Read and check a dataset.

    Args:
        section: The recipe's benchmark section.
        seed: Seed of the rows that are split off for validation and test.
        slice_columns: Further columns of the test rows: the recipe's field that contains the name,
            and the name. They do not change any digest.

    Raises:
        InputError: A file, column or row is invalid.
    """
    columns = section.columns
    train_rows, validation_rows, test_rows = sources.read_splits(section.source, columns)
    labels = _collect_labels(train_rows, columns.label)
    train = _build_split(train_rows, columns, labels)
    validation = None if validation_rows is None else _build_split(validation_rows, columns, labels)
    if validation is None:
        # Fail early if the label column is unique per row, before reporting unknown test labels.
        _cut_validation(train, section.validation_share, seed, train_rows.location)
    test = replace(
        _build_split(test_rows, columns, labels),
        columns={
            name: sources.read_test_column(section.source, columns, name, field)
            for field, name in slice_columns
        },
    )
    existing = [train, test] if validation is None else [train, validation, test]
    for new in _read_unseen_new_rows(section, labels, existing):
        for_train, for_test = stratified_split(new.ids, new.labels, NEW_ROWS_TEST_SHARE, seed)
        train = train.concat(new.take(for_train))
        test = test.concat(new.take(for_test))
    if validation is None:
        train, validation = _cut_validation(
            train, section.validation_share, seed, train_rows.location
        )
    digest = _digest(labels, (train, validation, test))
    overlap = leakage.count_overlap((train, validation), test)
    return Benchmark(labels, train, validation, test, digest, overlap)


def read_unlabelled(path: Path, columns: Columns) -> Split:
    """Read unlabelled texts, for which the teacher computes soft targets.

    Args:
        path: A `.jsonl`, `.csv` or `.parquet` file; a label column is ignored.
        columns: Names of the text columns.

    Returns:
        Rows without labels.

    Raises:
        InputError: The file, a column or a row is invalid.
    """
    unlabelled = file_formats.read_file(path, columns.texts, "soft_targets.unlabelled")
    return _build_split(unlabelled, columns, None)


def read_filtered_unlabelled(
    benchmark: Benchmark, path: Path, columns: Columns
) -> leakage.FilteredRows:
    """Read unlabelled texts and remove those that are also validation or test texts.

    Args:
        benchmark: Benchmark with the validation and test texts.
        path: See `read_unlabelled`.
        columns: Names of the text columns.

    Raises:
        InputError: The file, a column or a row is invalid.
    """
    unlabelled = read_unlabelled(path, columns)
    return leakage.remove_leaked_rows(unlabelled, benchmark.test, benchmark.validation)


def transfer_set(benchmark: Benchmark, unlabelled: leakage.FilteredRows | None) -> Split:
    """Return the rows that a student is distilled on: training rows, then unlabelled ones."""
    train = benchmark.train
    return train if unlabelled is None else train.concat(unlabelled.rows)


def read_new_rows(
    source: NewRowsSource, columns: Columns, labels: tuple[str, ...] | None, field: str
) -> Split:
    """Read all rows of a source of new rows.

    Args:
        source: File or hub dataset of the rows.
        columns: Names of the columns for the texts and the label.
        labels: Label names of the benchmark; None for rows without labels.
        field: The recipe's field for error messages, as in `benchmark.fresh.0`.

    Raises:
        InputError: The source, a column or a row is invalid.
    """
    names = columns.texts if labels is None else columns.names
    return _build_split(new_rows.read_source(source, names, field), columns, labels)


def _read_unseen_new_rows(
    section: BenchmarkSection, labels: tuple[str, ...], existing: Sequence[Split]
) -> Iterator[Split]:
    """Yield the new rows of each source, without duplicates and without known texts.

    Otherwise a test text could be trained on, or a training text be evaluated on.
    """
    known_keys = {key for split in existing for key in leakage.text_keys(split)}
    for position, source in enumerate(section.fresh):
        split = read_new_rows(source, section.columns, labels, f"benchmark.fresh.{position}")
        first_rows = {key: row for row, key in reversed(list(enumerate(leakage.text_keys(split))))}
        yield split.take(sorted(row for key, row in first_rows.items() if key not in known_keys))
        known_keys |= first_rows.keys()


def _build_split(source: Rows, columns: Columns, labels: tuple[str, ...] | None) -> Split:
    texts = rows.extract_texts(source, columns.text)
    pairs = None if columns.text_pair is None else rows.extract_texts(source, columns.text_pair)
    label_indices = () if labels is None else _label_indices(source, columns.label, labels)
    return Split(row_ids(texts, pairs), texts, pairs, label_indices)


def _collect_labels(train: Rows, column: str) -> tuple[str, ...]:
    """Return the sorted label names of the training rows; there must be at least two."""
    labels = tuple(sorted(set(rows.extract_labels(train, column))))
    if len(labels) < 2:
        raise InputError(f"{train.location} has a single class, {labels[0]!r}")
    by_words: dict[str, str] = {}
    for label in labels:
        # In a table such labels would look the same.
        similar = by_words.setdefault(" ".join(label.split()), label)
        if similar != label:
            raise InputError(
                f"{train.location}: labels {similar!r} and {label!r} differ only in spaces"
            )
    return labels


def _label_indices(source: Rows, column: str, labels: tuple[str, ...]) -> tuple[int, ...]:
    index = {name: i for i, name in enumerate(labels)}
    names = rows.extract_labels(source, column)
    for row, name in enumerate(names):
        if name not in index:
            raise InputError(
                f"{source.locate(row)}: label {name!r} is not in the training rows; their labels"
                f" are {quote_names(labels)}"
            )
    return tuple(index[name] for name in names)


def _cut_validation(train: Split, share: float, seed: int, location: str) -> tuple[Split, Split]:
    """Split validation rows off; return the remaining training rows and the validation rows."""
    remaining, selected = stratified_split(train.ids, train.labels, share, seed)
    if not selected:
        raise InputError(
            f"{location} has one row per class: too few to cut a validation split from"
        )
    return train.take(remaining), train.take(selected)


def _digest(labels: tuple[str, ...], splits: Sequence[Split]) -> str:
    digest = hashlib.sha256(json.dumps(labels).encode())
    for split in splits:
        digest.update(json.dumps([split.texts, split.pairs, split.labels]).encode())
    return digest.hexdigest()
