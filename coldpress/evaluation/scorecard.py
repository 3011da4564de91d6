"""What evaluation says of one model, of two models side by side, and of all of them.

The field names are those of the report that `coldpress run --json` writes: scripts depend on them.
What does not apply to a model is None, `null` in the report.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Runtime = Literal["torch", "onnxruntime", "simulated"]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class _Measured(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Interval(_Measured):
    """An estimate and its 95 % interval."""

    estimate: float
    low: float
    high: float


class Percentiles(_Measured):
    """Of single calls, in milliseconds."""

    p50: float
    p95: float
    p99: float


class ClassScore(_Measured):
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


class Scorecard(_Measured):
    """What evaluation says of one model.

    Attributes:
        accuracy: Share of rows answered rightly.
        macro_f1: Mean F1 over the classes that are in the rows or in the answers.
        parameters: Numbers in the weights.
        bytes: Weights and tokenizer on disk.
        macs_per_token: Multiply-accumulates, see `coldpress.evaluation.cost`.
        latency_ms: From token ids to logits, without tokenization.
        end_to_end_ms: From texts to logits, median.
        batch: Texts a timed call.
        threads: Intra-op threads of a timed call.
        runtime: What computed the answers; "simulated" is torch imitating integers.
        per_class: By label name.
        calibration_error: Expected calibration error.
        retention: Accuracy over the teacher's.
        agreement: Share of rows answered as the teacher answers them.
        difference: Accuracy minus the teacher's, paired.
        speedup: The torch teacher's median latency over this one's.
        speedup_same_runtime: The ONNX teacher's median latency over this one's.
        compression: The teacher's bytes over these.
        truncated: Rows that were longer than the model's limit and were cut.
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


class Comparison(_Measured):
    """Two models on the same rows.

    Attributes:
        model: Name of the one that is judged.
        baseline: Name of the one that it is compared with.
        n: Rows.
        difference: Accuracy of the model minus the baseline's.
        mcnemar_p: Two-sided exact McNemar test.
        only_model_right: Rows that the model alone answers rightly.
        only_baseline_right: Rows that the baseline alone answers rightly.
    """

    model: str
    baseline: str
    n: int
    difference: Interval
    mcnemar_p: Fraction
    only_model_right: int
    only_baseline_right: int


class Evaluation(_Measured):
    """All models of a run on the test split.

    Attributes:
        n: Rows of the split.
        overlap: How many of them have a text that also stands in train or validation.
        models: Scorecards by name, from the teacher to the final model.
        comparisons: Every model with its parent and with the teacher.
    """

    split: Literal["test"] = "test"
    n: int
    overlap: int
    models: dict[str, Scorecard]
    comparisons: tuple[Comparison, ...]
