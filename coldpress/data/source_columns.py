"""Read some columns of every split of a source."""

from __future__ import annotations

from coldpress.data import file_formats
from coldpress.data.rows import Rows
from coldpress.data.sources import (
    SOURCE_FIELD,
    FilesSource,
    HubSource,
    SyntheticSource,
    open_hub_dataset,
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
