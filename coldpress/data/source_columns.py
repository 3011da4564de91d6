"""Read further columns of a source than those of its texts and targets."""

from __future__ import annotations

from coldpress.data import file_formats, rows
from coldpress.data.rows import Rows
from coldpress.data.sources import (
    SOURCE_FIELD,
    Columns,
    FilesSource,
    HubSource,
    SyntheticSource,
    open_hub_dataset,
    read_synthetic,
    require_test,
)
from coldpress.errors import InputError


def read_split_columns(
    source: SyntheticSource | FilesSource | HubSource, columns: list[str]
) -> list[Rows]:
    """Read some columns of every split that a source of files or of the hub has.

    Args:
        source: SyntheticSource | FilesSource | HubSource of the rows.
        columns: Names of the columns.

    Raises:
        InputError: The source is generated, or a file, column or row is invalid.
    """
    if isinstance(source, SyntheticSource):
        raise InputError(f"{SOURCE_FIELD}.origin: generated rows have no column {columns[0]!r}")
    if isinstance(source, FilesSource):
        paths = {"train": source.train, "validation": source.validation, "test": source.test}
        return [
            file_formats.read_file(path, columns, f"{SOURCE_FIELD}.{name}")
            for name, path in paths.items()
            if path is not None
        ]
    read_split = open_hub_dataset(source, f"{SOURCE_FIELD}.dataset")
    names = (source.train_split, source.validation_split, source.test_split)
    return [read_split(name, columns) for name in names if name is not None]


def read_test_column(
    source: SyntheticSource | FilesSource | HubSource, columns: Columns, name: str, field: str
) -> tuple[str | None, ...]:
    """Read one more column of the test rows.

    Args:
        source: Source of the rows.
        columns: Column names of a generated source.
        name: Name of the column to read.
        field: The recipe's field that contains the name.

    Returns:
        A text for each row; None if it is null or blank.

    Raises:
        InputError: The column does not exist, or a value is neither text nor a number.
    """
    if isinstance(source, FilesSource):
        test = file_formats.read_file(require_test(source), [name], field)
    elif isinstance(source, HubSource):
        test = open_hub_dataset(source, field)(source.test_split, [name])
    else:
        _, _, test = read_synthetic(source, columns)
        rows.require_columns(list(test.columns), [name], f"{field}: synthetic test")
    return rows.extract_optional_texts(test, name)
