"""Rows collected after a model was trained: a local file, or a split of a hub dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from coldpress.data import file_formats, hub, hub_dataset
from coldpress.data.rows import Rows
from coldpress.errors import InputError
from coldpress.schema.section import Section, UserPath


class NewRowsFile(Section):
    """A local file: `.jsonl`, `.csv` or `.parquet`."""

    origin: Literal["files"]
    path: Annotated[UserPath, Field(description="File with the rows, on the flow's machine.")]


class NewRowsHub(Section):
    """A split of a Parquet dataset repository on the Hugging Face hub."""

    origin: Literal["hub"]
    dataset: Annotated[str, Field(min_length=1, description="Repository id, as in `SetFit/sst2`.")]
    config: Annotated[str | None, Field(description="Named configuration.")] = None
    revision: Annotated[
        str,
        Field(min_length=1, description="Commit or tag; or a branch, to follow it as it grows."),
    ]
    split: Annotated[str, Field(min_length=1, description="Name of the split.")] = "train"


NewRowsSource = Annotated[NewRowsFile | NewRowsHub, Field(discriminator="origin")]


def read_source(source: NewRowsFile | NewRowsHub, columns: Sequence[str], field: str) -> Rows:
    """Read some columns of new rows.

    Args:
        source: File or hub dataset of the rows.
        columns: Names of the columns.
        field: The recipe's field for error messages, as in `benchmark.fresh.0`.

    Returns:
        At least one row, with all of these columns.

    Raises:
        InputError: The file or repository, a column or a row is invalid.
    """
    if isinstance(source, NewRowsFile):
        return file_formats.read_file(source.path, columns, f"{field}.path")
    dataset_field = f"{field}.dataset"
    directory = hub.download_snapshot(
        "dataset", source.dataset, source.revision, hub_dataset.DATA_FILES, dataset_field
    )
    location = f"{dataset_field}: {source.dataset}"
    splits = hub_dataset.load_repository(directory, source.config, location)
    return hub_dataset.read_split(splits, source.split, columns, location)


def pin_revision(source: NewRowsFile | NewRowsHub, field: str) -> NewRowsFile | NewRowsHub:
    """Replace a branch or tag of the hub by its commit, so that later reads see the same rows.

    Args:
        source: File or hub dataset as a person or a schedule names it.
        field: The parameter's name for error messages.

    Returns:
        The hub dataset at its commit; a file is returned unchanged.

    Raises:
        InputError: The path is relative, the hub does not answer, or the revision does not exist.
    """
    if isinstance(source, NewRowsHub):
        commit = hub.resolve_commit("dataset", source.dataset, source.revision, f"{field}.revision")
        return source.model_copy(update={"revision": commit})
    if not source.path.is_absolute():
        raise InputError(f"{field}.path: {source.path} is not absolute; it is read on the worker")
    return source
