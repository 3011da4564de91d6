"""A benchmark: a dataset, its splits, its labels and the digest that names exactly these rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from coldpress.section import FlatChoice, Section


class Hub(Section):
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


class Files(Section):
    """Local files: `.jsonl`, `.csv` or `.parquet`."""

    origin: Literal["files"]
    train: Annotated[Path, Field(description="Training rows.")]
    validation: Annotated[
        Path | None, Field(description="Validation rows; cut from train when empty.")
    ] = None
    test: Annotated[Path, Field(description="Test rows, opened by evaluate alone.")]


class Synthetic(Section):
    """The built-in intent benchmark: generated, seeded, ambiguous on purpose."""

    origin: Literal["synthetic"]
    train_examples: Annotated[int, Field(ge=60, le=100_000)] = 2400
    test_examples: Annotated[int, Field(ge=60, le=100_000)] = 600
    data_seed: Annotated[int, Field(ge=0, description="Seed of the generator.")] = 0


Source = Annotated[Synthetic | Files | Hub, Field(discriminator="origin")]


class Columns(Section):
    """Which of the source's columns hold the text, the optional second text and the label."""

    text: Annotated[str, Field(min_length=1, description="Column of the text.")] = "text"
    text_pair: Annotated[
        str | None, Field(description="Column of the second text of a pair, if there is one.")
    ] = None
    label: Annotated[str, Field(min_length=1, description="Column of the label.")] = "label"


class BenchmarkSection(Section):
    """Dataset, task kind and how the splits are made."""

    kind: Literal["text-classification"]
    source: Annotated[Source, FlatChoice()]
    columns: Columns = Columns()
    validation_share: Annotated[
        float, Field(ge=0.01, le=0.5, description="Share cut from train when no split is given.")
    ] = 0.1
    max_tokens: Annotated[
        int, Field(ge=8, le=8192, description="Longer texts are cut here, and counted.")
    ] = 128


@dataclass(frozen=True)
class Split:
    """Rows of one split, column by column.

    Attributes:
        ids: One stable id a row, derived from its texts (and from how often they came before).
        texts: First texts.
        pairs: Second texts, or None for a single-text benchmark.
        labels: Index into `Benchmark.labels` for each row; empty for unlabelled rows.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None
    labels: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)


@dataclass(frozen=True)
class Benchmark:
    """A checked dataset, ready to train on.

    Attributes:
        labels: Label names in a fixed (sorted) order.
        train: Training rows, without those cut off for validation.
        validation: Rows that selection may look at.
        test: Rows that only `evaluate` may judge on.
        digest: sha256 over labels and every row of every split.
        overlap: How many test rows have a text that also stands in train or validation.
    """

    labels: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    digest: str
    overlap: int
