"""Sources of a benchmark's rows: local files, the hub, or the built-in generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from coldpress.data import file_formats, hub, hub_dataset, rows
from coldpress.data.rows import Rows
from coldpress.data.splits import Split, row_ids
from coldpress.errors import InputError
from coldpress.schema.section import Section, UserPath

SOURCE_FIELD = "benchmark.source"


class HubSource(Section):
    """A Parquet dataset repository on the Hugging Face hub."""

    origin: Literal["hub"]
    dataset: Annotated[str, Field(min_length=1, description="Repository id, as in `SetFit/sst2`.")]
    config: Annotated[str | None, Field(description="Named configuration.")] = None
    revision: Annotated[str, Field(min_length=1, description="Commit or tag; a branch may change.")]
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
    test: Annotated[
        UserPath | None,
        Field(description="Test rows; only evaluate reads them. Empty if there is a judge."),
    ] = None


class SyntheticSource(Section):
    """The built-in dataset of a task kind: generated from a seed, ambiguous on purpose."""

    origin: Literal["synthetic"]
    train_examples: Annotated[
        int, Field(ge=60, le=100_000, description="Rows for training and validation.")
    ] = 2400
    test_examples: Annotated[int, Field(ge=60, le=100_000, description="Test rows.")] = 600
    data_seed: Annotated[int, Field(ge=0, description="Seed of the generator.")] = 0


Source = Annotated[SyntheticSource | FilesSource | HubSource, Field(discriminator="origin")]


class Columns(Section):
    """Names of the source's columns; each task kind has fields of its own.

    Attributes:
        text_fields: Fields that name the columns of a row's texts, in their order.
    """

    text_fields: ClassVar[tuple[str, ...]]

    @property
    def texts(self) -> list[str]:
        """Columns of the texts: one, or two for pairs."""
        return [getattr(self, field) for field in self.text_fields if getattr(self, field)]

    @property
    def has_pairs(self) -> bool:
        """Whether a row is a pair of texts."""
        return len(self.texts) == 2

    @property
    def names(self) -> list[str]:
        """Columns of the texts and targets."""
        fields = self.columns_by_field
        targets = [fields[field] for field in fields if field not in self.text_fields]
        return [*self.texts, *(column for columns in targets for column in columns)]

    @property
    def columns_by_field(self) -> dict[str, list[str]]:
        """Columns that each field names: usually one."""
        fields = self.model_dump(exclude_none=True)
        return {
            f: [value] if isinstance(value, str) else list(value) for f, value in fields.items()
        }

    @property
    def target_column(self) -> str:
        """Column of the target, for kinds with a single one."""
        return self.names[-1]

    @model_validator(mode="after")
    def _check_columns_differ(self) -> Self:
        seen: dict[str, str] = {}
        for field, columns in self.columns_by_field.items():
            for column in columns:
                if column in seen:
                    raise ValueError(f"{seen[column]} and {field} are both column {column!r}")
                seen[column] = field
        return self

    def build_split(self, source: Rows) -> Split:
        """Return the texts of rows, without targets.

        Args:
            source: Rows with the columns of the texts.

        Raises:
            InputError: A value is not a text.
        """
        texts = rows.extract_texts(source, self.texts[0])
        pairs = rows.extract_texts(source, self.texts[1]) if self.has_pairs else None
        return Split(row_ids(texts, pairs), texts, pairs, ())

    def generate_rows(
        self,
        count: int,  # noqa: ARG002
        seed: str,  # noqa: ARG002
    ) -> Mapping[str, Sequence[Any]]:
        """Generate rows of the task kind's built-in dataset.

        Args:
            count: Number of rows.
            seed: The same seed gives the same rows in every process and on every machine.

        Returns:
            Values by column.

        Raises:
            InputError: The task kind has no such dataset.
        """
        raise InputError("benchmark.source.origin: this kind has no synthetic dataset")


class TextColumns(Columns):
    """Columns of the texts of most kinds; each adds those of its targets."""

    text_fields: ClassVar[tuple[str, ...]] = ("text", "text_pair")

    text: Annotated[str, Field(min_length=1, description="Column of the text.")] = "text"
    text_pair: Annotated[
        str | None, Field(description="Column of the second text of a pair, if there is one.")
    ] = None


def read_splits(
    source: SyntheticSource | FilesSource | HubSource, columns: Columns, train_labels: bool = True
) -> tuple[Rows, Rows | None, Rows]:
    """Read every split of a source.

    Args:
        source: Source of the rows.
        columns: Names of the columns of texts and targets.
        train_labels: False: only the texts of the training rows are read.

    Returns:
        Rows of train, of validation (None if the source has no such split), and of test.

    Raises:
        InputError: A file, column or row is invalid.
    """
    train_columns = columns.names if train_labels else columns.texts
    if isinstance(source, FilesSource):
        return _read_files(source, columns.names, train_columns)
    if isinstance(source, HubSource):
        return _read_hub(source, columns.names, train_columns)
    return read_synthetic(source, columns)


def _read_files(
    source: FilesSource, columns: list[str], train_columns: list[str]
) -> tuple[Rows, Rows | None, Rows]:
    read, path = file_formats.read_file, source.validation
    validation = None if path is None else read(path, columns, f"{SOURCE_FIELD}.validation")
    train = read(source.train, train_columns, f"{SOURCE_FIELD}.train")
    return train, validation, read(require_test(source), columns, f"{SOURCE_FIELD}.test")


def require_test(source: FilesSource) -> Path:
    """Return the path of the test rows.

    Raises:
        InputError: The source has none.
    """
    if source.test is None:
        raise InputError(f"{SOURCE_FIELD}.test: missing")
    return source.test


def _read_hub(
    source: HubSource, columns: list[str], train_columns: list[str]
) -> tuple[Rows, Rows | None, Rows]:
    read_split = open_hub_dataset(source, f"{SOURCE_FIELD}.dataset")
    train = read_split(source.train_split, train_columns)
    name = source.validation_split
    validation = None if name is None else read_split(name, columns)
    return train, validation, read_split(source.test_split, columns)


def open_hub_dataset(source: HubSource, field: str) -> Callable[[str, list[str]], Rows]:
    """Return a function that reads columns of a split.

    Args:
        source: The dataset repository, which is downloaded unless it is cached.
        field: The recipe's field for error messages.
    """
    directory = hub.download_snapshot(
        "dataset", source.dataset, source.revision, hub_dataset.DATA_FILES, field
    )
    location = f"{field}: {source.dataset}"
    splits = hub_dataset.load_repository(directory, source.config, location)
    return lambda split, columns: hub_dataset.read_split(splits, split, columns, location)


def read_synthetic(source: SyntheticSource, columns: Columns) -> tuple[Rows, Rows | None, Rows]:
    """Generate the rows of train and test.

    Args:
        source: Number of rows and seed.
        columns: Column names of the generated rows.

    Raises:
        InputError: The task kind has no such dataset.
    """
    if isinstance(columns, TextColumns) and columns.text_pair is not None:
        raise InputError("benchmark.columns.text_pair: the synthetic benchmark has no text pairs")
    train = _generate_rows(source, "train", source.train_examples, columns)
    test = _generate_rows(source, "test", source.test_examples, columns)
    return train, None, test


def _generate_rows(source: SyntheticSource, split: str, count: int, columns: Columns) -> Rows:
    values = columns.generate_rows(count, f"{source.data_seed}:{split}")
    return Rows(f"{SOURCE_FIELD}: synthetic {split}", "row", range(1, count + 1), values)
