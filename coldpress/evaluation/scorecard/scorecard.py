"""What evaluation says of one model, of two models side by side, and of all of them.

The field names are those of the report that `coldpress run --json` writes: scripts depend on them.
What does not apply to a model is None, `null` in the report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from coldpress.evaluation.performance.contention import Contention
from coldpress.evaluation.scorecard.base import Bounds, Fraction, FrozenRecord
from coldpress.evaluation.scorecard.precision import PartPrecision
from coldpress.evaluation.scorecard.serving import Invariance, Serving

Runtime = Literal["torch", "onnxruntime", "simulated"]
_FILE = "evaluation.json"


class Interval(FrozenRecord):
    """An estimate and its 95 % interval."""

    estimate: float
    low: float
    high: float


class Percentiles(FrozenRecord):
    """Of single calls, in milliseconds."""

    p50: float
    p95: float
    p99: float


class ClassScore(FrozenRecord):
    """How one class is recognised.

    Attributes:
        n: Rows of this class.
        precision: None where the model never answers with this class.
        recall: None where no row is of this class.
        f1: None where both are.
    """

    n: int
    precision: Fraction | None
    recall: Fraction | None
    f1: Fraction | None


class ReliabilityBin(FrozenRecord):
    """Answers of similar confidence, and how often they were right.

    Attributes:
        n: Rows in the bin.
        confidence: Their mean probability of the answer given.
        accuracy: Share of them that were right.
    """

    n: int
    confidence: Fraction
    accuracy: Fraction


class Scorecard(FrozenRecord):
    """What evaluation says of one model.

    Attributes:
        accuracy: Share of rows answered rightly.
        macro_f1: Mean F1 over the classes that are in the rows or in the answers.
        parameters: Numbers in the weights.
        bytes: Weights and tokenizer on disk.
        macs_per_token: Multiply-accumulates, see `coldpress.evaluation.performance.macs`.
        latency_ms: From token ids to logits, without tokenization, and without the time in which
            other processes had the processor.
        end_to_end_ms: From texts to logits, median, likewise.
        batch: Texts a timed call.
        threads: Intra-op threads of a timed call.
        runtime: What computed the answers; "simulated" is torch imitating integers.
        per_class: By label name.
        calibration_error: Expected calibration error.
        retention: Accuracy over the teacher's.
        agreement: Share of rows answered as the teacher answers them.
        difference: Accuracy minus the teacher's, paired.
        speedup: The torch teacher's median latency over this one's; None also if undetermined.
        speedup_same_runtime: The ONNX teacher's median latency over this one's; the same.
        compression: The teacher's bytes over these.
        truncated: Rows that were longer than the model's limit and were cut.
        reliability: Confidence against accuracy, bin by bin; empty bins are left out.
        temperature: What the logits were divided by before they became probabilities.
        invariance: Of the deployable model.
        serving: Of the deployable model.
        computes_in: Which parts are stored and computed in what; empty for a model in float32.
        speedup_interval: None also in evaluations that are older than this field.
        speedup_same_runtime_interval: The same of the other one.
        speedup_undetermined: Why a timed model has no speed-up, as the end of a sentence.
        contention: Of a timed model: what else the machine did; None in old evaluations.
    """

    accuracy: Fraction
    macro_f1: Fraction
    parameters: int
    bytes: int
    macs_per_token: int
    latency_ms: Percentiles | None
    end_to_end_ms: float | None
    batch: int | None
    threads: int | None
    runtime: Runtime
    per_class: dict[str, ClassScore]
    calibration_error: Fraction
    retention: float | None
    agreement: Fraction
    difference: Interval
    speedup: float | None
    speedup_same_runtime: float | None
    compression: float
    truncated: int
    reliability: tuple[ReliabilityBin, ...] = ()
    temperature: float = 1.0
    invariance: Invariance | None = None
    serving: Serving | None = None
    computes_in: tuple[PartPrecision, ...] = ()
    speedup_interval: Bounds | None = None
    speedup_same_runtime_interval: Bounds | None = None
    speedup_undetermined: str | None = None
    contention: Contention | None = None


class Comparison(FrozenRecord):
    """Two models on the same rows.

    Attributes:
        model: Name of the one that is judged.
        baseline: Name of the one that it is compared with.
        n: Rows.
        difference: Accuracy of the model minus the baseline's.
        mcnemar_p: Two-sided exact McNemar test.
        only_model_right: Rows that the model alone answers rightly.
        only_baseline_right: Rows that the baseline alone answers rightly.
        macro_f1_difference: Macro F1 of the model minus the baseline's; None where the rows cannot
            bound it.
    """

    model: str
    baseline: str
    n: int
    difference: Interval
    mcnemar_p: Fraction
    only_model_right: int
    only_baseline_right: int
    macro_f1_difference: Interval | None = None


GroupKind = Literal["class", "column", "length", "pattern", "found"]


class Group(FrozenRecord):
    """Some of the test rows, and what compression did to them.

    Attributes:
        kind: What makes them a group: their label, a declared slice, or one that was found on the
            validation split.
        name: What a reader calls them, as in `label LOC` or `9 to 16 words`.
        n: Rows.
        before: The teacher's accuracy on them.
        after: The final model's.
        difference: After minus before, paired.
        p: One-sided exact McNemar test of a loss.
        p_adjusted: The same after Holm, over all groups looked at.
        detectable_drop: The smallest drop that these rows could have shown with p_adjusted below
            0.05, had the model lost rows and won none; None where no drop could have.
    """

    kind: GroupKind
    name: str
    n: int
    before: Fraction
    after: Fraction
    difference: Interval
    p: Fraction
    p_adjusted: Fraction
    detectable_drop: Fraction | None


class Flip(FrozenRecord):
    """A test row that the teacher answers rightly and the final model does not.

    Attributes:
        id: The row's.
        text: First text.
        text_pair: Second text of a pair.
        label: What is right.
        answer: What the final model says.
        score: Its probability for that.
        lost_at: The first model of the chain from which on all answers are wrong.
    """

    id: str
    text: str
    text_pair: str | None
    label: str
    answer: str
    score: Fraction
    lost_at: str


class Evaluation(FrozenRecord):
    """All models of a run on the test split.

    Attributes:
        n: Rows of the split.
        overlap: How many of them have a text that also stands in train or validation.
        models: Scorecards by name, from the teacher to the final model.
        comparisons: Every model with its parent and with the teacher.
        equity: The final model against the teacher, group by group: classes, then slices.
        conditions: What the timings were taken on and with: processor, threads, versions.
    """

    split: Literal["test"] = "test"
    n: int
    overlap: int
    models: dict[str, Scorecard]
    comparisons: tuple[Comparison, ...]
    equity: tuple[Group, ...] = ()
    conditions: dict[str, str] = Field(default_factory=dict)

    def write(self, directory: Path) -> None:
        """Keep the evaluation with what else was found.

        Args:
            directory: What `checkpoint.writing` yielded.
        """
        (directory / _FILE).write_text(self.model_dump_json(indent=2), encoding="utf-8")

    @classmethod
    def read(cls, directory: Path) -> Evaluation:
        """Read an evaluation back.

        Args:
            directory: Of the evaluation's checkpoint.

        Returns:
            What was written.
        """
        return cls.model_validate_json((directory / _FILE).read_bytes())
