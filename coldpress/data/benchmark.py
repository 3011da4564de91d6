"""A benchmark: a dataset, its splits, its labels and the digest that names exactly these rows."""

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
"""Of the rows that came later: a model that is to answer them is judged on some of them."""


class BenchmarkSection(Section):
    """Dataset, task kind and how the splits are made."""

    kind: Literal["text-classification"]
    source: Annotated[Source, Field(description="Where the rows are."), FlatChoice()]
    fresh: Annotated[
        tuple[Annotated[NewRowsSource, FlatChoice()], ...],
        Strict(False),
        Field(
            max_length=100, description="Labelled rows that came later: they join train and test."
        ),
    ] = ()
    columns: Columns = Columns()
    validation_share: Annotated[
        float, Field(ge=0.01, le=0.5, description="Share cut from train when no split is given.")
    ] = 0.1
    max_tokens: Annotated[
        int, Field(ge=8, le=8192, description="Longer texts are cut here, and counted.")
    ] = 128


@dataclass(frozen=True)
class Benchmark:
    """A checked dataset, ready to train on.

    Attributes:
        labels: Label names in a fixed (sorted) order.
        train: Training rows, without those cut off for validation.
        validation: Rows that selection may look at.
        test: Rows that only `evaluate` may judge on.
        digest: sha256 over labels and every row of every split.
        overlap: How many test rows have a text that also stands in train or validation.
    """

    labels: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    digest: str
    overlap: int

    @property
    def test_digest(self) -> str:
        """sha256 over labels and test rows alone."""
        return _digest(self.labels, (self.test,))


def load_benchmark(
    section: BenchmarkSection, seed: int, to_slice_by: Sequence[tuple[str, str]] = ()
) -> Benchmark:
    """Read and check a dataset.

    Args:
        section: Where it is and which columns count.
        seed: Decides which rows are cut off for validation.
        to_slice_by: More columns of the test rows, each behind the recipe's field that names it.
            They change no digest.

    Returns:
        Its splits.

    Raises:
        InputError: A file, column or row is not what it should be.
    """
    train, validation, test = sources.read_splits(section.source, section.columns)
    labels = tuple(sorted(set(rows.extract_labels(train, section.columns.label))))
    if len(labels) < 2:
        raise InputError(f"{train.place} has a single class, {labels[0]!r}")
    _check_label_spaces(labels, train.place)
    kept = _build_split(train, section.columns, labels)
    chosen = None if validation is None else _build_split(validation, section.columns, labels)
    if chosen is None:
        # A column of unlike values is no label: said before test rows are blamed for theirs.
        _cut_validation(kept, section.validation_share, seed, train.place)
    judged = replace(
        _build_split(test, section.columns, labels),
        columns={
            name: sources.read_test_column(section.source, section.columns, name, blamed)
            for blamed, name in to_slice_by
        },
    )
    for new in _read_unseen_new_rows(
        section, labels, [kept, judged] if chosen is None else [kept, chosen, judged]
    ):
        stay, cut = stratified_split(new.ids, new.labels, NEW_ROWS_TEST_SHARE, seed)
        kept, judged = kept.followed_by(new.take(stay)), judged.followed_by(new.take(cut))
    if chosen is None:
        kept, chosen = _cut_validation(kept, section.validation_share, seed, train.place)
    digest = _digest(labels, (kept, chosen, judged))
    return Benchmark(
        labels, kept, chosen, judged, digest, leakage.count_overlap((kept, chosen), judged)
    )


def read_unlabelled(path: Path, columns: Columns) -> Split:
    """Read more texts for the teacher to answer.

    Args:
        path: A `.jsonl`, `.csv` or `.parquet` file; its label column, if any, is not read.
        columns: Which columns hold the texts.

    Returns:
        Rows without labels.

    Raises:
        InputError: The file, a column or a row is not what it should be.
    """
    return _build_split(
        file_formats.read_file(path, columns.texts, "soft_targets.unlabelled"), columns, None
    )


def read_filtered_unlabelled(
    benchmark: Benchmark, path: Path, columns: Columns
) -> leakage.FilteredRows:
    """Choose the rows of an unlabelled file that a student may learn from.

    Args:
        benchmark: Brings the validation and test texts, which are left out.
        path: See `read_unlabelled`.
        columns: Which columns hold the texts.

    Returns:
        The rows, and how many were left out.

    Raises:
        InputError: The file, a column or a row is not what it should be.
    """
    rows = read_unlabelled(path, columns)
    return leakage.remove_leaked_rows(rows, benchmark.test, benchmark.validation)


def transfer_set(benchmark: Benchmark, unlabelled: leakage.FilteredRows | None) -> Split:
    """Return what a student learns from: the training rows, then the unlabelled ones."""
    train = benchmark.train
    return train if unlabelled is None else train.followed_by(unlabelled.rows)


def read_new_rows(
    one: NewRowsSource, columns: Columns, labels: tuple[str, ...] | None, field: str
) -> Split:
    """Read rows that came later.

    Args:
        one: Where they are.
        columns: Which columns hold texts and label.
        labels: The names that are known; None for rows without labels.
        field: What to blame, as in `benchmark.fresh.0`.

    Returns:
        All of them.

    Raises:
        InputError: The source, a column or a row is not what it should be.
    """
    wanted = columns.texts if labels is None else columns.names
    return _build_split(new_rows.read_source(one, wanted, field), columns, labels)


def _read_unseen_new_rows(
    section: BenchmarkSection, labels: tuple[str, ...], known: Sequence[Split]
) -> Iterator[Split]:
    """Read what came later, source by source: each text once, and none that is known already.

    A text of the test rows must not be trained on, nor one of the training rows judged on.
    """
    seen = {key for split in known for key in leakage.text_keys(split)}
    for place, one in enumerate(section.fresh):
        found = read_new_rows(one, section.columns, labels, f"benchmark.fresh.{place}")
        first = {key: row for row, key in reversed(list(enumerate(leakage.text_keys(found))))}
        yield found.take(sorted(row for key, row in first.items() if key not in seen))
        seen |= first.keys()


def _build_split(read: Rows, columns: Columns, labels: tuple[str, ...] | None) -> Split:
    texts = rows.extract_texts(read, columns.text)
    pairs = None if columns.text_pair is None else rows.extract_texts(read, columns.text_pair)
    numbers = () if labels is None else _label_indices(read, columns.label, labels)
    return Split(row_ids(texts, pairs), texts, pairs, numbers)


def _label_indices(read: Rows, column: str, labels: tuple[str, ...]) -> tuple[int, ...]:
    number = {name: i for i, name in enumerate(labels)}
    names = rows.extract_labels(read, column)
    for row, name in enumerate(names):
        if name not in number:
            raise InputError(
                f"{read.at(row)}: label {name!r} is not in the training rows, which have"
                f" {quote_names(labels)}"
            )
    return tuple(number[name] for name in names)


def _check_label_spaces(labels: Sequence[str], place: str) -> None:
    """Refuse names that no table would show apart."""
    seen: dict[str, str] = {}
    for label in labels:
        other = seen.setdefault(" ".join(label.split()), label)
        if other != label:
            raise InputError(f"{place}: labels {other!r} and {label!r} differ in spaces alone")


def _cut_validation(train: Split, share: float, seed: int, place: str) -> tuple[Split, Split]:
    kept, cut = stratified_split(train.ids, train.labels, share, seed)
    if not cut:
        raise InputError(f"{place} has one row a class: too few to cut a validation split from")
    return train.take(kept), train.take(cut)


def _digest(labels: tuple[str, ...], splits: Sequence[Split]) -> str:
    digest = hashlib.sha256(json.dumps(labels).encode())
    for split in splits:
        digest.update(json.dumps([split.texts, split.pairs, split.labels]).encode())
    return digest.hexdigest()
