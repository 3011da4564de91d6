"""A benchmark: a dataset, its splits, its labels and the digest that names exactly these rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from coldpress import rows, source
from coldpress.errors import InputError
from coldpress.rows import Rows
from coldpress.section import FlatChoice, Section
from coldpress.source import Columns, Source
from coldpress.splits import row_ids, stratified_cut


class BenchmarkSection(Section):
    """Dataset, task kind and how the splits are made."""

    kind: Literal["text-classification"]
    source: Annotated[Source, Field(description="Where the rows are."), FlatChoice()]
    columns: Columns = Columns()
    validation_share: Annotated[
        float, Field(ge=0.01, le=0.5, description="Share cut from train when no split is given.")
    ] = 0.1
    max_tokens: Annotated[
        int, Field(ge=8, le=8192, description="Longer texts are cut here, and counted.")
    ] = 128


@dataclass(frozen=True)
class Split:
    """Rows of one split, column by column.

    Attributes:
        ids: One stable id a row, derived from its texts (and from how often they came before).
        texts: First texts.
        pairs: Second texts, or None for a single-text benchmark.
        labels: Index into `Benchmark.labels` for each row; empty for unlabelled rows.
        columns: What else is known of each test row, by column, to slice by; None is unknown.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None
    labels: tuple[int, ...]
    columns: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)

    @property
    def all_texts(self) -> tuple[str, ...]:
        """First texts, then second ones."""
        return self.texts + (self.pairs or ())

    def take(self, rows: Sequence[int]) -> Split:
        """Return some of the rows.

        Args:
            rows: Row numbers.

        Returns:
            A split of these rows in this order.
        """
        return Split(
            ids=tuple(self.ids[row] for row in rows),
            texts=tuple(self.texts[row] for row in rows),
            pairs=None if self.pairs is None else tuple(self.pairs[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows) if self.labels else (),
            columns={n: tuple(values[row] for row in rows) for n, values in self.columns.items()},
        )

    def followed_by(self, unlabelled: Split) -> Split:
        """Put rows without labels behind these, each text once.

        Args:
            unlabelled: More rows of the same kind.

        Returns:
            A split whose labels belong to its first rows.
        """
        known = set(self.ids)
        new = unlabelled.take([row for row, name in enumerate(unlabelled.ids) if name not in known])
        pairs = None if self.pairs is None else self.pairs + (new.pairs or ())
        return Split(self.ids + new.ids, self.texts + new.texts, pairs, self.labels)


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


def load(
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
    train, validation, test = source.read(section.source, section.columns)
    labels = tuple(sorted(set(rows.labels(train, section.columns.label))))
    if len(labels) < 2:
        raise InputError(f"{train.place} has a single class, {labels[0]!r}")
    kept = _split(train, section.columns, labels)
    if validation is None:
        kept, chosen = _cut(kept, section.validation_share, seed, train.place)
    else:
        chosen = _split(validation, section.columns, labels)
    judged = replace(
        _split(test, section.columns, labels),
        columns={
            name: source.test_column(section.source, section.columns, name, blamed)
            for blamed, name in to_slice_by
        },
    )
    digest = _digest(labels, (kept, chosen, judged))
    return Benchmark(labels, kept, chosen, judged, digest, _overlap((kept, chosen), judged))


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
    names = [name for name in (columns.text, columns.text_pair) if name is not None]
    return _split(rows.read(path, names, "soft_targets.unlabelled"), columns, None)


def _split(read: Rows, columns: Columns, labels: tuple[str, ...] | None) -> Split:
    texts = rows.texts(read, columns.text)
    pairs = None if columns.text_pair is None else rows.texts(read, columns.text_pair)
    numbers = () if labels is None else _numbered(read, columns.label, labels)
    return Split(row_ids(texts, pairs), texts, pairs, numbers)


def _numbered(read: Rows, column: str, labels: tuple[str, ...]) -> tuple[int, ...]:
    number = {name: i for i, name in enumerate(labels)}
    names = rows.labels(read, column)
    for row, name in enumerate(names):
        if name not in number:
            raise InputError(f"{read.at(row)}: label {name!r} is not in the training rows")
    return tuple(number[name] for name in names)


def _cut(train: Split, share: float, seed: int, place: str) -> tuple[Split, Split]:
    kept, cut = stratified_cut(train.ids, train.labels, share, seed)
    if not cut:
        raise InputError(f"{place} has one row a class: too few to cut a validation split from")
    return train.take(kept), train.take(cut)


def _digest(labels: tuple[str, ...], splits: Sequence[Split]) -> str:
    digest = hashlib.sha256(json.dumps(labels).encode())
    for split in splits:
        digest.update(json.dumps([split.texts, split.pairs, split.labels]).encode())
    return digest.hexdigest()


def _overlap(seen: Sequence[Split], test: Split) -> int:
    known = {key for split in seen for key in _keys(split)}
    return sum(key in known for key in _keys(test))


def _keys(split: Split) -> list[tuple[str, str]]:
    return list(zip(split.texts, split.pairs or ("",) * len(split), strict=True))
