"""Rows that came after a model was made: a file, or a split of a repository on the hub."""

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
    path: Annotated[UserPath, Field(description="The rows; read where the flow runs.")]


class NewRowsHub(Section):
    """A split of a Parquet dataset repository on the Hugging Face hub."""

    origin: Literal["hub"]
    dataset: Annotated[str, Field(min_length=1, description="Repository id, as in `SetFit/sst2`.")]
    config: Annotated[str | None, Field(description="Named configuration.")] = None
    revision: Annotated[
        str,
        Field(min_length=1, description="Commit or tag; a branch to be looked at as it grows."),
    ]
    split: Annotated[str, Field(min_length=1, description="Name of the split.")] = "train"


NewRowsSource = Annotated[NewRowsFile | NewRowsHub, Field(discriminator="origin")]


def read_source(fresh: NewRowsFile | NewRowsHub, wanted: Sequence[str], field: str) -> Rows:
    """Read some columns of fresh rows.

    Args:
        fresh: Where they are.
        wanted: Names of the columns.
        field: What to blame, as in `benchmark.fresh.0`.

    Returns:
        At least one row, with every wanted column.

    Raises:
        InputError: The file or repository, a column or a row is not what it should be.
    """
    if isinstance(fresh, NewRowsFile):
        return file_formats.read_file(fresh.path, wanted, f"{field}.path")
    blamed, patterns = f"{field}.dataset", hub_dataset.DATA_FILES
    directory = hub.download_snapshot("dataset", fresh.dataset, fresh.revision, patterns, blamed)
    place = f"{blamed}: {fresh.dataset}"
    splits = hub_dataset.load_repository(directory, fresh.config, place)
    return hub_dataset.read_split(splits, fresh.split, wanted, place)


def pin_revision(fresh: NewRowsFile | NewRowsHub, field: str) -> NewRowsFile | NewRowsHub:
    """Name rows so that whoever reads them later, and wherever, reads the same.

    Args:
        fresh: As a person or a schedule names them.
        field: What to blame.

    Returns:
        A revision on the hub by its commit. A file as it is: nothing but its path names it.

    Raises:
        InputError: The path is relative, or the hub does not answer, or not with this revision.
    """
    if isinstance(fresh, NewRowsHub):
        commit = hub.resolve_commit("dataset", fresh.dataset, fresh.revision, f"{field}.revision")
        return fresh.model_copy(update={"revision": commit})
    if not fresh.path.is_absolute():
        raise InputError(f"{field}.path: {fresh.path} is not absolute; it is read on the worker")
    return fresh
