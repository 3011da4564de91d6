"""Where a benchmark's rows come from: local files, the hub, or the built-in generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from coldpress.data import file_formats, hub, hub_dataset, rows, synthetic
from coldpress.data.rows import Rows
from coldpress.errors import InputError
from coldpress.schema.section import Section, UserPath

_FIELD = "benchmark.source"


class HubSource(Section):
    """A Parquet dataset repository on the Hugging Face hub."""

    origin: Literal["hub"]
    dataset: Annotated[str, Field(min_length=1, description="Repository id, as in `SetFit/sst2`.")]
    config: Annotated[str | None, Field(description="Named configuration.")] = None
    revision: Annotated[
        str, Field(min_length=1, description="Commit or tag: what a branch names may change.")
    ]
    train_split: Annotated[str, Field(description="Name of the training split.")] = "train"
    validation_split: Annotated[
        str | None, Field(description="Name of the validation split; cut from train when empty.")
    ] = None
    test_split: Annotated[str, Field(description="Name of a labelled test split.")] = "test"


class FilesSource(Section):
    """Local files: `.jsonl`, `.csv` or `.parquet`."""

    origin: Literal["files"]
    train: Annotated[UserPath, Field(description="Training rows.")]
    validation: Annotated[
        UserPath | None, Field(description="Validation rows; cut from train when empty.")
    ] = None
    test: Annotated[UserPath, Field(description="Test rows, opened by evaluate alone.")]


class SyntheticSource(Section):
    """The built-in intent benchmark: generated, seeded, ambiguous on purpose."""

    origin: Literal["synthetic"]
    train_examples: Annotated[
        int, Field(ge=60, le=100_000, description="Rows for training and validation.")
    ] = 2400
    test_examples: Annotated[int, Field(ge=60, le=100_000, description="Test rows.")] = 600
    data_seed: Annotated[int, Field(ge=0, description="Seed of the generator.")] = 0


Source = Annotated[SyntheticSource | FilesSource | HubSource, Field(discriminator="origin")]


class Columns(Section):
    """Which of the source's columns hold the text, the optional second text and the label."""

    text: Annotated[str, Field(min_length=1, description="Column of the text.")] = "text"
    text_pair: Annotated[
        str | None, Field(description="Column of the second text of a pair, if there is one.")
    ] = None
    label: Annotated[str, Field(min_length=1, description="Column of the label.")] = "label"

    @property
    def texts(self) -> list[str]:
        """The columns of the texts."""
        return [self.text] if self.text_pair is None else [self.text, self.text_pair]

    @property
    def names(self) -> list[str]:
        """All columns: those of the texts, and that of the label."""
        return [*self.texts, self.label]

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        fields: dict[str, str] = {}
        for field, column in self.model_dump(exclude_none=True).items():
            if fields.setdefault(column, field) != field:
                raise ValueError(f"{fields[column]} and {field} are both column {column!r}")
        return self


def read_splits(
    source: SyntheticSource | FilesSource | HubSource, columns: Columns
) -> tuple[Rows, Rows | None, Rows]:
    """Read every split of a source.

    Args:
        source: Where the rows are.
        columns: Which of its columns are read.

    Returns:
        Rows of train, of validation if the source has it, and of test.

    Raises:
        InputError: A file, column or row is not what it should be.
    """
    wanted = columns.names
    if isinstance(source, FilesSource):
        return _read_files(source, wanted)
    if isinstance(source, HubSource):
        return _read_hub(source, wanted)
    return _read_synthetic(source, columns)


def read_test_column(
    source: SyntheticSource | FilesSource | HubSource, columns: Columns, name: str, field: str
) -> tuple[str | None, ...]:
    """Read one more column of the test rows.

    Args:
        source: Where the rows are.
        columns: What a generated source calls its own columns.
        name: The column.
        field: The recipe's field that names it.

    Returns:
        One value a row, as text; None where it is null or blank.

    Raises:
        InputError: There is no such column, or a value is neither text nor a number.
    """
    if isinstance(source, FilesSource):
        return rows.extract_optional_texts(file_formats.read_file(source.test, [name], field), name)
    if isinstance(source, HubSource):
        return rows.extract_optional_texts(
            _hub_reader(source, field)(source.test_split, [name]), name
        )
    _, _, test = _read_synthetic(source, columns)
    rows.require_columns(list(test.columns), [name], f"{field}: synthetic test")
    return rows.extract_optional_texts(test, name)


def _read_files(source: FilesSource, wanted: list[str]) -> tuple[Rows, Rows | None, Rows]:
    validation = None
    if source.validation is not None:
        validation = file_formats.read_file(source.validation, wanted, f"{_FIELD}.validation")
    train = file_formats.read_file(source.train, wanted, f"{_FIELD}.train")
    return train, validation, file_formats.read_file(source.test, wanted, f"{_FIELD}.test")


def _read_hub(source: HubSource, wanted: list[str]) -> tuple[Rows, Rows | None, Rows]:
    read_split, cut = _hub_reader(source, f"{_FIELD}.dataset"), source.validation_split
    train = read_split(source.train_split, wanted)
    validation = None if cut is None else read_split(cut, wanted)
    return train, validation, read_split(source.test_split, wanted)


def _hub_reader(source: HubSource, field: str) -> Callable[[str, list[str]], Rows]:
    """Open a repository, to read columns of its splits; the field is what to blame."""
    patterns = hub_dataset.DATA_FILES
    directory = hub.download_snapshot("dataset", source.dataset, source.revision, patterns, field)
    place = f"{field}: {source.dataset}"
    splits = hub_dataset.load_repository(directory, source.config, place)
    return lambda split, wanted: hub_dataset.read_split(splits, split, wanted, place)


def _read_synthetic(source: SyntheticSource, columns: Columns) -> tuple[Rows, Rows | None, Rows]:
    if columns.text_pair is not None:
        raise InputError("benchmark.columns.text_pair: synthetic texts come alone, not in pairs")
    parts = (("train", source.train_examples), ("test", source.test_examples))
    train, test = (
        _generate_rows(synthetic.generate(count, f"{source.data_seed}:{part}"), part, columns)
        for part, count in parts
    )
    return train, None, test


def _generate_rows(examples: Sequence[tuple[str, str]], part: str, columns: Columns) -> Rows:
    texts, labels = zip(*examples, strict=True)
    numbers = range(1, len(examples) + 1)
    named = {columns.text: texts, columns.label: labels}
    return Rows(f"{_FIELD}: synthetic {part}", "row", numbers, named)
