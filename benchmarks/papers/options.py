"""Command-line options that all scripts of this folder share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from coldpress.errors import InputError
from coldpress.kinds import TextClassificationBenchmark
from coldpress.teacher.spec import ScratchModel, Teacher

QUICK = "made-up requests"
MAX_TOKENS = 64
SEEDS = 3


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """Common command line.

    Attributes:
        data: NAME=TRAIN,TEST: files with the columns text and label. May be repeated; only the
            first dataset is used unless `--full` is set.
        teacher: The large model to fine-tune: a directory or an id on the hub.
        cache: Directory of cached models and results.
        docs: Directory for the record, the figure and the table: `docs` by default, and with
            `--quick` a directory in the cache, so that real results are not overwritten.
        seeds: Number of seeds: 3 by default, and 1 with `--quick`.
        quick: Check in seconds that the script works, with a tiny model on synthetic text.
        full: Use all datasets; estimates the duration after the first.
    """

    data: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    teacher: str | None = None
    cache: Path = Path(".coldpress/papers")
    docs: Path | None = None
    seeds: Annotated[int | None, Parameter(validator=Number(gte=1))] = None
    quick: Annotated[bool, Parameter(negative=())] = False
    full: Annotated[bool, Parameter(negative=())] = False

    def benchmarks(self) -> dict[str, TextClassificationBenchmark]:
        """Return the datasets by name, in order.

        Raises:
            InputError: `--data` is missing or not NAME=TRAIN,TEST, or given with `--quick`.
        """
        if self.quick and (self.data or self.full):
            raise InputError("--quick: cannot be combined with --data or --full")
        if self.quick:
            return {QUICK: _section(origin="synthetic", train_examples=600, test_examples=200)}
        if not self.data:
            raise InputError("--data: missing; give NAME=TRAIN,TEST or use --quick")
        sections = dict(_named_section(text) for text in self.data)
        return sections if self.full else dict(list(sections.items())[:1])

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The seeds."""
        return tuple(range(self.seeds or (1 if self.quick else SEEDS)))

    @property
    def output_dir(self) -> Path:
        """The directory for the record, the figure and the table."""
        return self.docs or (self.cache / "quick" if self.quick else Path("docs"))

    def large_model(self) -> Teacher:
        """Return the model to fine-tune, with its training settings.

        Raises:
            InputError: `--teacher` is missing.
        """
        if self.quick:
            scratch = ScratchModel(origin="scratch", layers=2, hidden_size=64, heads=4, neurons=128)
            return Teacher(model=scratch, epochs=6, learning_rate=2e-3, freeze_embeddings=False)
        if self.teacher is None:
            raise InputError("--teacher: missing; give a directory or an id on the hub")
        return Teacher.model_validate({"model": self.teacher})

    def command(self, script: str) -> str:
        """Return the command line that repeats this run, without directories of this machine.

        Args:
            script: Name of the script.
        """
        words = ["python", f"benchmarks/papers/{script}.py"]
        words += ["--quick"] if self.quick else self._arguments()
        return " ".join([*words, *([f"--seeds {self.seeds}"] if self.seeds else [])])

    def _arguments(self) -> list[str]:
        words = []
        for name in self.benchmarks():
            train, test = (Path(file).name for file in _split_files(self._data_argument(name)))
            words += ["--data", f"{name}={name.upper()}/{train},{name.upper()}/{test}"]
        return [*words, "--teacher", "MODEL", *(["--full"] if self.full else [])]

    def _data_argument(self, name: str) -> str:
        return next(text for text in self.data if text.startswith(f"{name}="))


def _named_section(text: str) -> tuple[str, TextClassificationBenchmark]:
    train, test = _split_files(text)
    return text.partition("=")[0], _section(origin="files", train=train, test=test)


def _split_files(text: str) -> tuple[str, str]:
    name, _, files = text.partition("=")
    train, _, test = files.partition(",")
    if not (name and train and test):
        raise InputError(f"--data: {text!r} is not NAME=TRAIN,TEST")
    return train, test


def _section(**source: Any) -> TextClassificationBenchmark:  # noqa: ANN401
    return TextClassificationBenchmark.model_validate(
        {"kind": "text-classification", "source": source, "max_tokens": MAX_TOKENS}
    )
