"""What every script of this folder can be told, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from coldpress.data.benchmark import BenchmarkSection
from coldpress.errors import InputError
from coldpress.teacher.spec import ScratchModel, Teacher

QUICK = "made-up requests"
MAX_TOKENS = 64
SEEDS = 3


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """Common command line.

    Attributes:
        data: NAME=TRAIN,TEST: files with the columns text and label. May be repeated: the first is
            the default's, and all of them are `--full`'s.
        teacher: The large model that is fine-tuned: a directory, or an id on the hub.
        cache: Where fine-tuned models are kept.
        docs: Where the record, the figure and the table are written; `docs`, and with `--quick`
            a folder beside the models, as made-up text is not to replace what was measured.
        seeds: How many seeds: 0, 1, ...; three, and with `--quick` one.
        quick: A tiny model on made-up text, in seconds: to see that it works, and no more.
        full: All data sets; tells beforehand how long it will take.
    """

    data: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    teacher: str | None = None
    cache: Path = Path(".coldpress/papers")
    docs: Path | None = None
    seeds: Annotated[int | None, Parameter(validator=Number(gte=1))] = None
    quick: Annotated[bool, Parameter(negative=())] = False
    full: Annotated[bool, Parameter(negative=())] = False

    def benchmarks(self) -> dict[str, BenchmarkSection]:
        """Return the datasets by name, in order.

        Raises:
            InputError: None is given, or not as NAME=TRAIN,TEST, or to `--quick`.
        """
        if self.quick and (self.data or self.full):
            raise InputError("--quick: takes neither --data nor --full")
        if self.quick:
            return {QUICK: _section(origin="synthetic", train_examples=600, test_examples=200)}
        if not self.data:
            raise InputError("--data: say NAME=TRAIN,TEST, or ask for --quick")
        given = dict(_named(text) for text in self.data)
        return given if self.full else dict(list(given.items())[:1])

    @property
    def tried(self) -> tuple[int, ...]:
        """The seeds."""
        return tuple(range(self.seeds or (1 if self.quick else SEEDS)))

    @property
    def written_to(self) -> Path:
        """The folder of the documentation that this run writes."""
        return self.docs or (self.cache / "quick" if self.quick else Path("docs"))

    def large_model(self) -> Teacher:
        """Return what is fine-tuned, and how.

        Raises:
            InputError: None is given.
        """
        if self.quick:
            made = ScratchModel(origin="scratch", layers=2, hidden_size=64, heads=4, neurons=128)
            return Teacher(model=made, epochs=6, learning_rate=2e-3, freeze_embeddings=False)
        if self.teacher is None:
            raise InputError("--teacher: name a directory or an id on the hub")
        return Teacher.model_validate({"model": self.teacher})

    def command(self, script: str) -> str:
        """Return what to type to do this again, with paths of one's own.

        Args:
            script: Its name.
        """
        said = ["python", f"benchmarks/papers/{script}.py"]
        said += ["--quick"] if self.quick else self._given()
        return " ".join([*said, *([f"--seeds {self.seeds}"] if self.seeds else [])])

    def _given(self) -> list[str]:
        said = []
        for name in self.benchmarks():
            train, test = (Path(file).name for file in _pair(self._of(name)))
            said += ["--data", f"{name}={name.upper()}/{train},{name.upper()}/{test}"]
        return [*said, "--teacher", "MODEL", *(["--full"] if self.full else [])]

    def _of(self, name: str) -> str:
        return next(text for text in self.data if text.startswith(f"{name}="))


def _named(text: str) -> tuple[str, BenchmarkSection]:
    train, test = _pair(text)
    return text.partition("=")[0], _section(origin="files", train=train, test=test)


def _pair(text: str) -> tuple[str, str]:
    name, _, files = text.partition("=")
    train, _, test = files.partition(",")
    if not (name and train and test):
        raise InputError(f"--data: {text!r} is not NAME=TRAIN,TEST")
    return train, test


def _section(**source: Any) -> BenchmarkSection:  # noqa: ANN401
    return BenchmarkSection.model_validate(
        {"kind": "text-classification", "source": source, "max_tokens": MAX_TOKENS}
    )
