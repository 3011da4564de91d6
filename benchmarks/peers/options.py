"""Command-line options of the comparison."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from coldpress.benchmark import loading
from coldpress.benchmark.loading import Benchmark
from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.kinds import TextClassificationBenchmark
from coldpress.model.checkpoint import Checkpoint
from peers import outcome, quick, rows
from peers.catalogue import INSTALLED_PEERS, OWN_PEERS, Peer, coldpress_peer
from peers.rows import Rows

PASSES = 3
_SEED = 0
"""Of the rows that are cut off for validation, as in the recipes."""


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """Command line.

    Attributes:
        name: Of the dataset, for the record and its heading.
        teacher: Checkpoint of a fine-tuned teacher.
        train: Rows with the columns text and label: JSON lines, CSV or Parquet.
        validation: The same; cut off from the training rows, as a run does, if not given.
        test: The same.
        pretrained: Sentence transformer that the teacher was fine-tuned from; model2vec and SetFit
            start from it.
        coldpress: NAME=DIR or NAME=DIR,OUTCOME: a folder of `coldpress pull`, and the file of
            `coldpress run --json` with the seconds of its stages. May be repeated.
        folder: For environments and models.
        docs: For the page, the records and the figures: `docs` by default, and with `--quick` a
            folder in `--folder`.
        passes: Number of passes of each kind.
        quick: Check in seconds that the program works, with a tiny teacher on synthetic text and
            the models that need no further environment.
        page: Only make the page and the figures again.
    """

    name: Annotated[str | None, Parameter(name=None)] = None
    teacher: Path | None = None
    train: Path | None = None
    validation: Path | None = None
    test: Path | None = None
    pretrained: Path | None = None
    coldpress: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    folder: Path = Path(".coldpress/peers")
    docs: Path | None = None
    passes: Annotated[int, Parameter(validator=Number(gte=1))] = PASSES
    quick: Annotated[bool, Parameter(negative=())] = False
    page: Annotated[bool, Parameter(negative=())] = False

    @property
    def output_dir(self) -> Path:
        """The folder for the page, the records and the figures."""
        return self.docs or (self.folder / "quick" if self.quick else Path("docs"))

    def rows(self) -> Rows:
        """Read the rows and the teacher.

        Raises:
            InputError: An option is missing, or a file or the teacher is invalid.
        """
        if self.quick:
            return Rows(quick.NAME, quick.data(), quick.teacher(self.folder / "quick"), None)
        given = {"NAME": self.name, "--teacher": self.teacher, "--train": self.train}
        for option, value in {**given, "--test": self.test}.items():
            if value is None:
                raise InputError(f"{option}: missing; see --help, or use --quick")
        data = self._data()
        teacher = _open_teacher(Path(self.teacher or ""))
        rows.check_teacher(data, teacher)
        return Rows(str(self.name), data, teacher, self.pretrained)

    def peers(self) -> list[Peer]:
        """Return all models that are compared, Coldpress first.

        Raises:
            InputError: `--coldpress` is not NAME=DIR, or names no folder of a pulled model.
        """
        if self.quick:
            folder = quick.pulled(self.folder / "quick")
            return [coldpress_peer("quick", folder, None), *OWN_PEERS[:1], *OWN_PEERS[2:3]]
        own = [_coldpress_peer(text) for text in self.coldpress]
        return [*own, *OWN_PEERS, *INSTALLED_PEERS]

    def command(self) -> str:
        """Return the command line that repeats this run, without directories of this machine."""
        if self.quick:
            return "python benchmarks/compare_peers.py --quick"
        name = str(self.name)
        files = {"train": self.train, "validation": self.validation, "test": self.test}
        words = ["--teacher TEACHER", *(["--pretrained MODEL"] if self.pretrained else [])]
        words += [f"--{k} {name.upper()}/{file.name}" for k, file in files.items() if file]
        words += [f"--coldpress {text.partition('=')[0]}=DIR" for text in self.coldpress]
        return f'make bench-peers ARGS="{" ".join([name, *words])}"'

    def _data(self) -> Benchmark:
        files = {"train": self.train, "validation": self.validation, "test": self.test}
        source = {"origin": "files", **{name: file for name, file in files.items() if file}}
        section = {"kind": "text-classification", "source": source}
        return loading.load_benchmark(TextClassificationBenchmark.model_validate(section), _SEED)


def _open_teacher(folder: Path) -> Checkpoint:
    try:
        return Checkpoint.open(folder)
    except CorruptCheckpointError as error:
        raise InputError(f"--teacher: {error}") from error


def _coldpress_peer(text: str) -> Peer:
    name, _, place = text.partition("=")
    folder, _, outcome_file = place.partition(",")
    if not (name and folder):
        raise InputError(f"--coldpress: {text!r} is not NAME=DIR or NAME=DIR,OUTCOME")
    if not (Path(folder) / "predictor.py").is_file():
        raise InputError(f"--coldpress: {folder} is no folder of `coldpress pull`")
    seconds = outcome.build_seconds(Path(outcome_file)) if outcome_file else None
    return coldpress_peer(name, Path(folder), seconds)
