"""Record of a comparison on one dataset, stored as JSON beside the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coldpress.evaluation.scorecard.base import FrozenRecord
from coldpress.evaluation.scorecard.scorecard import Interval
from tasks.environment.atomic_file import write_text_atomic


class Latency(FrozenRecord):
    """Latency of single texts, in milliseconds.

    Attributes:
        p50: Median over the passes of the median over the texts.
        p95: The same for the 95th percentile.
        low: Smallest median of a pass.
        high: Largest median of a pass.
    """

    p50: float
    p95: float
    low: float
    high: float


class Costs(FrozenRecord):
    """What a model takes.

    Attributes:
        seconds: Of making it from the teacher or from the rows; None if not known.
        model_bytes: Size of the model's files.
        tokenizer_bytes: Size of the tokenizer's; 0 if they are among the model's.
        peak_bytes: Largest resident memory of the process that predicts.
    """

    seconds: float | None
    model_bytes: int
    tokenizer_bytes: int
    peak_bytes: int

    @property
    def bytes(self) -> int:
        """Size of model and tokenizer."""
        return self.model_bytes + self.tokenizer_bytes


class Speed(FrozenRecord):
    """What a model gives for its time.

    Attributes:
        ids: From token ids to logits, one thread; None if the model reads no token ids.
        text: From text to label, one thread.
        one_thread: Texts a second.
        two_threads: Texts a second.
    """

    ids: Latency | None
    text: Latency
    one_thread: float
    two_threads: float


class Score(FrozenRecord):
    """Accuracy on the test rows.

    Attributes:
        correct: Number of correct rows.
        accuracy: Share, with its 95 % interval.
        difference: From the teacher in torch, paired, with its 95 % interval.
    """

    correct: int
    accuracy: Interval
    difference: Interval | None


class Row(FrozenRecord):
    """One model, measured or failed.

    Attributes:
        name: Of the model.
        settings: How it was made.
        versions: Of its libraries.
        failure: Why there are no measurements, in one line.
        score: None if the model failed, as are speed and costs.
        speed: Latency and throughput.
        costs: Size, memory and time to build.
    """

    name: str
    settings: str
    versions: Mapping[str, str] = {}
    failure: str | None = None
    score: Score | None = None
    speed: Speed | None = None
    costs: Costs | None = None


class Data(FrozenRecord):
    """A dataset.

    Attributes:
        name: Of the dataset.
        train: Number of training rows.
        validation: Number of validation rows.
        test: Number of test rows.
        test_digest: Digest of the test rows.
        tokens: Median number of tokens of the timed texts, with the teacher's tokenizer.
        longest: 95th percentile of the same.
    """

    name: str
    train: int
    validation: int
    test: int
    test_digest: str
    tokens: float
    longest: float


class Comparison(FrozenRecord):
    """All models on one dataset.

    Attributes:
        data: The dataset.
        teacher: Digest of the teacher.
        timed_texts: Number of texts of a pass.
        rounds: Number of passes of each kind.
        command: Repeats the measurement, without directories of this machine.
        conditions: Processor, load and date.
        rows: Coldpress first, then in the order of the catalogue.
    """

    data: Data
    teacher: str
    timed_texts: int
    rounds: int
    command: str
    conditions: Mapping[str, str]
    rows: tuple[Row, ...]

    @property
    def measured(self) -> list[Row]:
        """Rows that did not fail."""
        return [row for row in self.rows if row.failure is None]


def write(comparison: Comparison, docs: Path) -> Path:
    """Write a record under its dataset's name.

    Args:
        comparison: The record.
        docs: The folder of the documentation.

    Returns:
        The file, `peers/<name>.json` in this folder.
    """
    target = docs / "peers" / f"{comparison.data.name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(target, comparison.model_dump_json(indent=1) + "\n")
    return target


def read_all(docs: Path) -> list[Comparison]:
    """Read all records, sorted by name.

    Args:
        docs: The folder of the documentation.
    """
    files = sorted((docs / "peers").glob("*.json"))
    return [Comparison.model_validate_json(file.read_bytes()) for file in files]
