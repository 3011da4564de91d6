"""Records of an evaluation: scorecards, comparisons, groups and flips.

Field names are those of the report that `coldpress run --json` writes: scripts depend on them.
A value that does not apply to a model is None, `null` in the report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from coldpress.evaluation.performance.contention import Contention
from coldpress.evaluation.scorecard.base import Bounds, Fraction, FrozenRecord
from coldpress.evaluation.scorecard.operating_point import OperatingPoint
from coldpress.evaluation.scorecard.precision import PartPrecision
from coldpress.evaluation.scorecard.serving import Invariance, Serving
from coldpress.evaluation.scorecard.vector_form import VectorForm

Runtime = Literal["torch", "onnxruntime", "simulated", "answers"]
_FILE = "evaluation.json"


class Interval(FrozenRecord):
    """An estimate and its 95 % interval."""

    estimate: float
    low: float
    high: float


class Percentiles(FrozenRecord):
    """Percentiles of the latency of single calls, in milliseconds."""

    p50: float
    p95: float
    p99: float


class ClassScore(FrozenRecord):
    """Scores of one class.

    Attributes:
        n: Rows of this class.
        precision: None if the model never predicts this class.
        recall: None if no row has this class.
        f1: None if both are None.
        threshold: Probability from which on the label applies; None if the largest one decides.
    """

    n: int
    precision: Fraction | None
    recall: Fraction | None
    f1: Fraction | None
    threshold: Fraction | None = None


class ReliabilityBin(FrozenRecord):
    """Predictions of similar confidence, and their accuracy.

    Attributes:
        n: Rows in the bin; for independent labels, pairs of row and label.
        confidence: Mean probability of the predicted label; of any label, if they are independent.
        accuracy: Share of correct predictions; of true labels, if they are independent.
    """

    n: int
    confidence: Fraction
    accuracy: Fraction


class Scorecard(FrozenRecord):
    """Evaluation of one model.

    Attributes:
        accuracy: Share of correct rows; only for classification.
        macro_f1: Mean F1 over the classes that occur among labels or predictions; only for kinds
            with labels.
        parameters: Number of weights; None for a teacher of which only answers are known.
        bytes: Size of weights and tokenizer on disk, likewise.
        macs_per_token: Multiply-accumulates, see `coldpress.evaluation.performance.macs`.
        latency_ms: From token ids to logits, without tokenization, and without the time in which
            other processes had the processor.
        end_to_end_ms: From texts to logits, median, likewise.
        batch: Texts per timed call.
        threads: Intra-op threads of a timed call.
        runtime: Of the predictions; "simulated": fake quantization in torch; "answers": a file.
        per_class: By label name.
        calibration_error: Expected calibration error; only for kinds with labels.
        retention: The gated metric divided by the teacher's. It is None, as all comparisons with
            the teacher, if nothing of it is known for the test rows.
        agreement: Share of rows with the same prediction as the teacher's; for kinds without
            labels, the agreement that the kind defines.
        difference: The gated metric minus the teacher's, paired.
        speedup: Median latency of the torch teacher over this model's, if it was determined.
        speedup_same_runtime: The same for the teacher in ONNX.
        compression: Bytes of the teacher over bytes of this model.
        truncated: Rows that were truncated at the model's limit.
        reliability: Confidence against accuracy in bins, without empty ones.
        temperature: Divisor of the logits before softmax.
        invariance, serving: Only for the deployable model.
        computes_in: Precision of the parts of the model; empty in float32.
        speedup_interval: None also in evaluations that are older than this field.
        speedup_same_runtime_interval: The same for `speedup_same_runtime`.
        speedup_undetermined: Reason why a timed model has no speed-up, as the end of a sentence.
        contention: Other load on the machine while this model was timed; None in old evaluations.
        scores: Metrics of the task kind by name.
        metric: Name of the gated metric.
        score_interval: 95 % interval of the gated metric; None for an accuracy, whose interval
            follows from the number of rows.
        operating_points: In the order of the recipe.
        vector_forms: Of a deployable model whose vectors search a corpus.
    """

    accuracy: Fraction | None = None
    macro_f1: Fraction | None = None
    parameters: int | None
    bytes: int | None
    macs_per_token: int | None
    latency_ms: Percentiles | None
    end_to_end_ms: float | None
    batch: int | None
    threads: int | None
    runtime: Runtime
    per_class: dict[str, ClassScore] = Field(default_factory=dict)
    calibration_error: Fraction | None = None
    retention: float | None = None
    agreement: float | None = None
    difference: Interval | None = None
    speedup: float | None
    speedup_same_runtime: float | None
    compression: float | None = None
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
    scores: dict[str, float] = Field(default_factory=dict)
    metric: str = "accuracy"
    score_interval: Bounds | None = None
    operating_points: tuple[OperatingPoint, ...] = ()
    vector_forms: tuple[VectorForm, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _add_scores(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Read the scores of earlier versions, which had classification only, from their fields."""
        if "scores" in fields:
            return fields
        names = fields.keys() & {"accuracy", "macro_f1"}
        return {**fields, "scores": {name: fields[name] for name in sorted(names)}}

    @property
    def score(self) -> float:
        """Value of the gated metric."""
        return self.scores[self.metric]


class Comparison(FrozenRecord):
    """Two models on the same rows.

    Attributes:
        model: Name of the model.
        baseline: Name of the model that it is compared with.
        n: Number of samples: what is independent, such as rows.
        difference: Gated metric of the model minus that of the baseline.
        mcnemar_p: p-value of the two-sided exact McNemar test; None except for classification.
        only_model_right: Rows that only the model predicts correctly.
        only_baseline_right: Rows that only the baseline predicts correctly.
        macro_f1_difference: Macro F1 of the model minus that of the baseline; None if the rows do
            not bound it.
    """

    model: str
    baseline: str
    n: int
    difference: Interval
    mcnemar_p: Fraction | None = None
    only_model_right: int | None = None
    only_baseline_right: int | None = None
    macro_f1_difference: Interval | None = None


GroupKind = Literal["class", "target", "column", "length", "pattern", "found"]


class Group(FrozenRecord):
    """A class or slice of the test rows: the final model against the teacher.

    Attributes:
        kind: A class, rows with similar targets, a kind of declared slice, or `found` for a slice
            found on validation.
        name: Name for reports, such as `label LOC` or `9 to 16 words`.
        n: Number of items, such as rows.
        before: Mean score of the teacher: for classification, its accuracy.
        after: Mean score of the final model.
        difference: `after` minus `before`, paired.
        p: p-value of a one-sided test of a loss: the exact McNemar test if all scores are 0 or 1.
        p_adjusted: p after Holm's correction over all groups.
        detectable_drop: Smallest drop that could have p_adjusted below 0.05; of scores 0 and 1, if
            the model lost items and won none. None if there is no such drop.
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


class Evaluation(FrozenRecord):
    """All models of a run on the test split.

    Attributes:
        n: Rows of the split.
        overlap: Rows whose text also occurs in train or validation.
        models: Scorecards by name, from the teacher to the final model.
        comparisons: Every model with its parent and with the teacher.
        equity: The final model against the teacher by group: classes, then slices.
        conditions: Conditions of the timings: processor, threads, versions.
        kind: Name of the task kind.
    """

    split: Literal["test"] = "test"
    n: int
    overlap: int
    models: dict[str, Scorecard]
    comparisons: tuple[Comparison, ...]
    equity: tuple[Group, ...] = ()
    conditions: dict[str, str] = Field(default_factory=dict)
    kind: str = "text-classification"

    def write(self, directory: Path) -> None:
        """Write the evaluation into the directory of its checkpoint."""
        (directory / _FILE).write_text(self.model_dump_json(indent=2), encoding="utf-8")

    @classmethod
    def read(cls, directory: Path) -> Evaluation:
        """Read the evaluation from the directory of its checkpoint."""
        return cls.model_validate_json((directory / _FILE).read_bytes())
