"""Reading of dataset repositories that the hub stores as Parquet, JSON lines or CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.data.rows import Rows, require_columns
from coldpress.errors import InputError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

DATA_FILES = ("*.parquet", "*.jsonl", "*.json", "*.csv", "README.md")


def load_repository(directory: Path, config: str | None, location: str) -> DatasetDict:
    """Open every split of a downloaded repository.

    Args:
        directory: Files of the repository.
        config: Named configuration, if the repository has several.
        location: Prefix of error messages.

    Returns:
        Splits by name.

    Raises:
        InputError: There is no data that can be read without running the repository's code.
    """
    import datasets

    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(str(directory), name=config)
    except (datasets.exceptions.DatasetsError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0].replace(str(directory), "the repository")
        raise InputError(f"{location} cannot be loaded: {reason}") from error


def read_split(splits: DatasetDict, split: str, columns: Sequence[str], location: str) -> Rows:
    """Read some columns of a split.

    Args:
        splits: Splits as returned by `load_repository`.
        split: Name of the split.
        columns: Names of the columns.
        location: Prefix of error messages.

    Returns:
        At least one row; class numbers are replaced by class names.

    Raises:
        InputError: The split or a column is missing, or its labels are hidden.
    """
    if split not in splits:
        raise InputError(f"{location} has no split {split!r}, only {', '.join(sorted(splits))}")
    location = f"{location} split {split!r}"
    data = splits[split]
    require_columns(data.column_names, columns, location)
    if not len(data):
        raise InputError(f"{location} has no rows")
    values = {name: _column_values(data, name, location) for name in columns}
    return Rows(location, "row", range(1, len(data) + 1), values)


def _column_values(data: Dataset, column: str, location: str) -> list[Any]:
    from datasets import ClassLabel

    values = list(data[column])
    feature = data.features[column]
    in_list = getattr(feature, "feature", None)
    if isinstance(in_list, ClassLabel):
        places = [f"{location} row {row}: {column!r}" for row in range(1, len(values) + 1)]
        return [
            [_class_name(number, in_list.names, place) for number in value or ()]
            for value, place in zip(values, places, strict=True)
        ]
    if not isinstance(feature, ClassLabel):
        return values
    return [
        _class_name(value, feature.names, f"{location} row {row}: {column!r}")
        for row, value in enumerate(values, start=1)
    ]


def _class_name(number: int | None, names: Sequence[str], place: str) -> str | None:
    if number is not None and not 0 <= number < len(names):
        raise InputError(f"{place} is hidden (class {number})")
    return None if number is None else names[number]
