"""Benchmarks: a dataset's splits, labels and digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from coldpress.benchmark.judged import read_judged_splits
from coldpress.benchmark.unlabelled_train import require_validation
from coldpress.data import leakage, new_rows, source_columns, sources
from coldpress.data.new_rows import NewRowsSource
from coldpress.data.rows import Rows
from coldpress.data.section import BenchmarkSection
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds import task_kind
from coldpress.kinds.kind import TaskKind
from coldpress.kinds.samples import split_by_sample, take_samples
from coldpress.kinds.sentence_embedding import SentenceEmbeddingBenchmark

NEW_ROWS_TEST_SHARE = 0.3
"""Share of the new rows that joins the test split: a retrained model is evaluated on them too."""


@dataclass(frozen=True)
class Benchmark:
    """A checked dataset, ready to train on.

    Attributes:
        kind: Task kind of the targets.
        labels: Names of a model's outputs; for classification, the sorted label names.
        train: Training rows, without those that were split off for validation.
        validation: Rows for model selection.
        test: Rows that only the evaluate stage uses.
        digest: sha256 over the labels and all rows of all splits.
        overlap: Number of test samples, such as rows, whose text is also in train or validation.
        compared: Texts that the vectors of test rows are compared with, such as the documents of a
            corpus; None for kinds that predict each row by itself.
    """

    kind: TaskKind
    labels: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    digest: str
    overlap: int
    compared: Split | None = None

    @property
    def test_digest(self) -> str:
        """sha256 over the labels and the test rows only."""
        compared = () if self.compared is None else (self.compared,)
        return _digest(self.labels, (self.test, *compared))


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
    if isinstance(section, SentenceEmbeddingBenchmark):
        return _load_judged(section, seed, slice_columns)
    kind = task_kind(section.task_kind_name)
    columns = section.columns
    train_rows, validation_rows, test_rows = sources.read_splits(
        section.source, columns, section.train_labels
    )
    if section.train_labels:
        labels = kind.output_names(train_rows, columns)
        train = _labelled_split(train_rows, section, labels)
    else:
        labels = kind.output_names(require_validation(validation_rows, section), columns)
        train = columns.build_split(train_rows)
    validation = None
    if validation_rows is None:
        # Fail early if the label column is unique per row, before reporting unknown test labels.
        _cut_validation(train, section, seed, train_rows.location)
    else:
        validation = _labelled_split(validation_rows, section, labels)
        kind.check_split(validation.targets, validation_rows)
    test = replace(
        _labelled_split(test_rows, section, labels),
        columns={
            name: source_columns.read_test_column(section.source, columns, name, field)
            for field, name in slice_columns
        },
    )
    existing = [train, test] if validation is None else [train, validation, test]
    for new in _read_unseen_new_rows(section, labels, existing):
        for_train, for_test = split_by_sample(kind, new, NEW_ROWS_TEST_SHARE, seed)
        train = train.concat(for_train)
        test = test.concat(for_test)
    kind.check_split(test.targets, test_rows)
    if validation is None:
        train, validation = _cut_validation(train, section, seed, train_rows.location)
    digest = _digest(labels, (train, validation, test))
    overlap = leakage.count_overlap(
        [kind.split_samples(split) for split in (train, validation)], kind.split_samples(test)
    )
    return Benchmark(kind, labels, train, validation, test, digest, overlap)


def _load_judged(
    section: SentenceEmbeddingBenchmark, seed: int, slice_columns: Sequence[tuple[str, str]]
) -> Benchmark:
    kind = task_kind(section.task_kind_name)
    splits = read_judged_splits(section, seed, slice_columns)
    train, validation, test = splits.train, splits.validation, splits.test
    labels = ("vector",)
    return Benchmark(
        kind=kind,
        labels=labels,
        train=train,
        validation=validation,
        test=test,
        digest=_digest(labels, (train, validation, test, splits.compared)),
        overlap=leakage.count_overlap((train, validation), test),
        compared=splits.compared,
    )


def transfer_set(benchmark: Benchmark, unlabelled: leakage.FilteredRows | None) -> Split:
    """Return the rows that a student is distilled on: training rows, then unlabelled ones."""
    train = benchmark.train
    return train if unlabelled is None else train.concat(unlabelled.rows)


def read_new_rows(
    source: NewRowsSource, section: BenchmarkSection, labels: tuple[str, ...] | None, field: str
) -> Split:
    """Read all rows of a source of new rows.

    Args:
        source: File or hub dataset of the rows.
        section: Task kind and names of the columns.
        labels: Label names of the benchmark; None for rows without labels.
        field: The recipe's field for error messages, as in `benchmark.fresh.0`.

    Raises:
        InputError: The source, a column or a row is invalid.
    """
    if labels is None:
        unlabelled = new_rows.read_source(source, section.columns.texts, field)
        return section.columns.build_split(unlabelled)
    return _labelled_split(
        new_rows.read_source(source, section.columns.names, field), section, labels
    )


def _read_unseen_new_rows(
    section: BenchmarkSection, labels: tuple[str, ...], existing: Sequence[Split]
) -> Iterator[Split]:
    """Yield the new rows of each source, without duplicate samples and without known texts.

    Otherwise a test text could be trained on, or a training text be evaluated on.
    """
    kind = task_kind(section.task_kind_name)
    known_keys = {key for split in existing for key in leakage.text_keys(kind.split_samples(split))}
    for position, source in enumerate(section.fresh):
        split = read_new_rows(source, section, labels, f"benchmark.fresh.{position}")
        keys = leakage.text_keys(kind.split_samples(split))
        first_samples = {key: sample for sample, key in reversed(list(enumerate(keys)))}
        unseen = sorted(n for key, n in first_samples.items() if key not in known_keys)
        yield take_samples(kind, split, unseen)
        known_keys |= first_samples.keys()


def _labelled_split(source: Rows, section: BenchmarkSection, labels: tuple[str, ...]) -> Split:
    split = section.columns.build_split(source)
    targets = task_kind(section.task_kind_name).read_targets(source, section.columns, labels)
    return replace(split, targets=targets)


def _cut_validation(
    train: Split, section: BenchmarkSection, seed: int, location: str
) -> tuple[Split, Split]:
    """Split validation rows off; return the remaining training rows and the validation rows."""
    kind = task_kind(section.task_kind_name)
    remaining, validation = split_by_sample(kind, train, section.validation_share, seed)
    if not len(validation):
        raise InputError(
            f"{location} has too few rows to cut a validation split from: one for each"
            f" {kind.stratum_title}"
        )
    place = f"{location}: the part that is cut off for validation"
    kind.check_split(validation.targets, Rows(place, "row", range(1, len(validation) + 1), {}))
    return remaining, validation


def _digest(labels: tuple[str, ...], splits: Sequence[Split]) -> str:
    digest = hashlib.sha256(json.dumps(labels).encode())
    for split in splits:
        more = [part for part in (split.words, split.sources) if part is not None]
        digest.update(json.dumps([split.texts, split.pairs, split.targets, *more]).encode())
    return digest.hexdigest()
