"""Texts of kinds whose test rows are in the files of a judge."""

from __future__ import annotations

from coldpress.data import file_formats
from coldpress.data.rows import Rows
from coldpress.data.sources import Columns, FilesSource, HubSource, open_hub_dataset
from coldpress.errors import InputError

_FIELD = "benchmark.source"


def read_texts(source: FilesSource | HubSource, columns: Columns) -> tuple[Rows, Rows | None]:
    """Read the texts of train and validation and their translations, nothing of the test split.

    Args:
        source: Source of the rows.
        columns: Names of the columns of texts and translations.

    Returns:
        Rows of train, and of validation; None if the source has no such split.

    Raises:
        InputError: A file, column or row is invalid.
    """
    if isinstance(source, HubSource):
        read_split = open_hub_dataset(source, f"{_FIELD}.dataset")
        train = read_split(source.train_split, columns.names)
        name = source.validation_split
        return train, None if name is None else read_split(name, columns.names)
    if source.test is not None:
        raise InputError(f"{_FIELD}.test: not possible with a judge")
    train = file_formats.read_file(source.train, columns.names, f"{_FIELD}.train")
    if source.validation is None:
        return train, None
    return train, file_formats.read_file(source.validation, columns.names, f"{_FIELD}.validation")
