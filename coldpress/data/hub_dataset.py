"""Reads splits of a dataset repository that the hub stores as Parquet, JSON lines or CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.data.rows import Rows, require_columns
from coldpress.errors import InputError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

DATA_FILES = ("*.parquet", "*.jsonl", "*.json", "*.csv", "README.md")


def load_repository(directory: Path, config: str | None, place: str) -> DatasetDict:
    """Open every split of a repository.

    Args:
        directory: Its files.
        config: Named configuration, if it has several.
        place: What to blame.

    Returns:
        Splits by name.

    Raises:
        InputError: There is no data to be read without running the repository's code.
    """
    import datasets

    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(str(directory), name=config)
    except (datasets.exceptions.DatasetsError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0].replace(str(directory), "the repository")
        raise InputError(f"{place} cannot be loaded: {reason}") from error


def read_split(splits: DatasetDict, split: str, wanted: Sequence[str], place: str) -> Rows:
    """Read some columns of a split.

    Args:
        splits: What `load_repository` returned.
        split: Name of the split.
        wanted: Names of the columns.
        place: What to blame.

    Returns:
        At least one row; class numbers are given as class names.

    Raises:
        InputError: The split or a column is missing, or its labels are hidden.
    """
    if split not in splits:
        raise InputError(f"{place} has no split {split!r}, only {', '.join(sorted(splits))}")
    data = splits[split]
    require_columns(data.column_names, wanted, f"{place} split {split!r}")
    if not len(data):
        raise InputError(f"{place} split {split!r} has no rows")
    place = f"{place} split {split!r}"
    columns = {name: _column_values(data, name, place) for name in wanted}
    return Rows(place, "row", range(1, len(data) + 1), columns)


def _column_values(data: Dataset, column: str, place: str) -> list[Any]:
    from datasets import ClassLabel

    values = list(data[column])
    feature = data.features[column]
    if not isinstance(feature, ClassLabel):
        return values
    for row, value in enumerate(values, start=1):
        if value is not None and not 0 <= value < feature.num_classes:
            raise InputError(f"{place} row {row}: {column!r} is hidden (class {value})")
    return [None if value is None else feature.names[value] for value in values]
