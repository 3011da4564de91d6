"""The `benchmark` section of multi-label classification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from coldpress.data import synthetic
from coldpress.data.label_lists import check_labels_known, extract_flags, extract_label_lists
from coldpress.data.rows import Rows
from coldpress.data.section import BenchmarkSection
from coldpress.data.sources import Columns, TextColumns
from coldpress.errors import InputError


class LabelListColumns(TextColumns):
    """Names of the source's columns for the text, the optional second text and the labels."""

    labels: Annotated[
        Annotated[str, Field(min_length=1)]
        | Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)],
        Field(description="Column of the list of labels; or a list of 0/1 columns, one per label."),
    ] = "labels"

    def generate_rows(self, count: int, seed: str) -> Mapping[str, Sequence[Any]]:
        """Generate messages about several matters, see `coldpress.data.synthetic`.

        Args:
            count: Number of rows.
            seed: The same seed gives the same rows in every process and on every machine.

        Returns:
            Values by column.

        Raises:
            InputError: The labels are not in a single column.
        """
        if not isinstance(self.labels, str):
            raise InputError("benchmark.columns.labels: the synthetic dataset has a single column")
        texts, labels = zip(*synthetic.generate_messages(count, seed), strict=True)
        return {self.text: texts, self.labels: labels}


class MultiLabelBenchmark(BenchmarkSection):
    """Dataset for multi-label classification: each row has any number of labels."""

    kind: Literal["multi-label"]
    columns: LabelListColumns = LabelListColumns()


def label_names(train: Rows, columns: Columns) -> tuple[str, ...]:
    """Return the labels of the training rows: sorted, or 0/1 columns as they are listed.

    Args:
        train: The training rows.
        columns: Names of the text and label columns.

    Raises:
        InputError: No row has a label, or a column has no 1.
    """
    flags = _flag_columns(columns)
    if not flags:
        lists = extract_label_lists(train, columns.target_column)
        names = tuple(sorted({label for labels in lists for label in labels}))
        if not names:
            raise InputError(f"{train.location}: no row has a label in {columns.target_column!r}")
        return names
    for name, values in zip(flags, zip(*extract_flags(train, flags), strict=True), strict=True):
        if not any(values):
            raise InputError(f"{train.location}: no row has 1 in column {name!r}")
    return tuple(flags)


def label_flags(rows: Rows, columns: Columns, names: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Return 0 or 1 for every label of each row.

    Args:
        rows: Rows of any split.
        columns: Names of the text and label columns.
        names: Labels of the training rows.

    Raises:
        InputError: A value is not a list of labels, or a label is not one of `names`.
    """
    if flags := _flag_columns(columns):
        return extract_flags(rows, flags)
    lists = extract_label_lists(rows, columns.target_column)
    for row, labels in enumerate(lists):
        check_labels_known(labels, names, rows.locate(row))
    return tuple(tuple(int(name in labels) for name in names) for labels in lists)


def _flag_columns(columns: Columns) -> list[str]:
    """Return the columns of 0 and 1; empty if the labels are in a single column."""
    labels = columns.labels if isinstance(columns, LabelListColumns) else ""
    return [] if isinstance(labels, str) else labels
