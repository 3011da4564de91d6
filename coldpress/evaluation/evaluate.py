"""Evaluate all models of a run on the test split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.data.benchmark import Benchmark
from coldpress.evaluation import calibration, metrics
from coldpress.evaluation.candidate import Candidate, Logits
from coldpress.evaluation.config import Evaluate
from coldpress.evaluation.performance.conditions import timing_conditions
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import (
    Comparison,
    Evaluation,
    Flip,
    Group,
    Interval,
    Scorecard,
)
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.subgroups import equity, search
from coldpress.evaluation.subgroups.flips import find_flips
from coldpress.evaluation.subgroups.search import ValidationPredictions
from coldpress.evaluation.subgroups.slices import DeclaredSlices
from coldpress.evaluation.timing import CandidateTimings, add_timings, time_candidates


@dataclass(frozen=True)
class EvaluationResult:
    """Result of an evaluation on the test split.

    Attributes:
        evaluation: Scorecards and comparisons of all models.
        flips: Rows that the teacher predicts correctly and the final model does not.
        predictions: Logits of all models, to compare other models with later.
    """

    evaluation: Evaluation
    flips: tuple[Flip, ...]
    predictions: Predictions


@dataclass(frozen=True)
class _TestPredictions:
    """Predictions of one candidate for the test split.

    Attributes:
        candidate: The model.
        logits: Shape (rows, labels).
        labels: Predicted label indices, shape (rows,).
        correct: Whether they are the true labels, shape (rows,).
    """

    candidate: Candidate
    logits: Logits
    labels: NDArray[np.int64]
    correct: NDArray[np.bool_]


@dataclass(frozen=True)
class _Context:
    """What every scorecard is computed from, besides the candidate's own predictions."""

    benchmark: Benchmark
    labels: NDArray[np.int64]
    timings: CandidateTimings
    teacher: _TestPredictions


def evaluate_candidates(
    benchmark: Benchmark,
    candidates: Sequence[Candidate],
    section: Evaluate,
    teacher_in_onnx: Candidate | None = None,
) -> EvaluationResult:
    """Evaluate all models of a run on the test split, with paired tests and interleaved timing.

    Args:
        benchmark: Dataset with the test split.
        candidates: From the teacher, whose parent is None, to the final model. A skipped stage is
            missing, and its child names the stage before it as its parent.
        section: Settings of latency and slices.
        teacher_in_onnx: The original teacher in the runtime of the final model: timed with the
            others, without a scorecard.

    Returns:
        One scorecard per candidate, comparisons with its parent and with the teacher, and the final
        model against the teacher by class and slice.
    """
    labels = np.asarray(benchmark.test.labels, dtype=np.int64)
    outputs = {candidate.name: _predict(candidate, labels) for candidate in candidates}
    teacher = next(output for output in outputs.values() if output.candidate.parent is None)
    timings = time_candidates(candidates, teacher_in_onnx, benchmark.test, section.latency)
    context = _Context(benchmark, labels, timings, teacher)
    predictions = _collect_predictions(outputs, benchmark)
    evaluation = Evaluation(
        n=len(labels),
        overlap=benchmark.overlap,
        models={name: _scorecard(output, context) for name, output in outputs.items()},
        comparisons=_comparisons(outputs, teacher, labels),
        equity=_compare_groups(candidates, predictions, benchmark, section.slices),
        conditions=timing_conditions(section.latency, candidates[-1].test, timings.forward.machine),
    )
    return EvaluationResult(evaluation, find_flips(predictions, benchmark.test), predictions)


def _collect_predictions(
    outputs: Mapping[str, _TestPredictions], benchmark: Benchmark
) -> Predictions:
    logits = {name: output.logits.astype(np.float32) for name, output in outputs.items()}
    labels = np.asarray(benchmark.test.labels, dtype=np.int64)
    return Predictions(benchmark.test.ids, benchmark.labels, labels, logits)


def _compare_groups(
    candidates: Sequence[Candidate],
    predictions: Predictions,
    benchmark: Benchmark,
    declared: Sequence[DeclaredSlices],
) -> tuple[Group, ...]:
    """Compare by class, by declared slice, and by the slices found on the validation split."""
    teacher = candidates[0]
    final = candidates[-1]
    if final is teacher:
        return ()
    split = benchmark.validation
    validation = ValidationPredictions(
        split, teacher.logits(teacher.encode(split)), final.logits(final.encode(split))
    )
    groups = [
        *equity.class_slices(predictions),
        *(group for section in declared for group in section.select(benchmark.test)),
        *search.search_slices(validation, benchmark.test, predictions.logits[teacher.name]),
    ]
    return equity.compare_groups(
        groups,
        predictions.correct(final.name),
        predictions.correct(teacher.name),
        predictions.labels,
    )


def _predict(candidate: Candidate, labels: NDArray[np.int64]) -> _TestPredictions:
    logits = candidate.logits(candidate.test)
    predicted = logits.argmax(axis=1)
    return _TestPredictions(candidate, logits, predicted, predicted == labels)


def _scorecard(output: _TestPredictions, context: _Context) -> Scorecard:
    candidate = output.candidate
    teacher = context.teacher
    labels = context.labels
    accuracy = metrics.accuracy(output.labels, labels)
    card = Scorecard(
        accuracy=accuracy,
        macro_f1=metrics.macro_f1(output.labels, labels),
        parameters=candidate.parameters,
        bytes=candidate.bytes,
        macs_per_token=candidate.macs_per_token,
        latency_ms=None,
        end_to_end_ms=None,
        batch=None,
        threads=None,
        runtime=candidate.runtime,
        per_class=metrics.per_class(output.labels, labels, context.benchmark.labels),
        calibration_error=calibration.calibration_error(output.logits, labels),
        retention=metrics.retention(accuracy, metrics.accuracy(teacher.labels, labels)),
        agreement=metrics.agreement(output.labels, teacher.labels),
        difference=_difference(output, teacher, labels),
        speedup=None,
        speedup_same_runtime=None,
        compression=teacher.candidate.bytes / candidate.bytes,
        truncated=candidate.test.truncated,
        reliability=calibration.reliability_bins(output.logits, labels),
        temperature=candidate.temperature,
        computes_in=candidate.computes_in,
    )
    return add_timings(card, candidate, context.timings)


def _difference(
    model: _TestPredictions, teacher: _TestPredictions, labels: NDArray[np.int64]
) -> Interval:
    if model is teacher:
        return paired.NO_DIFFERENCE
    return paired.paired_interval(model.correct, teacher.correct, labels)


def _comparisons(
    outputs: Mapping[str, _TestPredictions], teacher: _TestPredictions, labels: NDArray[np.int64]
) -> tuple[Comparison, ...]:
    """Compare each model with its parent, then with the teacher unless that is its parent."""
    return tuple(
        _compare(output, outputs[baseline], labels)
        for output in outputs.values()
        if output.candidate.parent is not None
        for baseline in dict.fromkeys((output.candidate.parent, teacher.candidate.name))
    )


def _compare(
    model: _TestPredictions, baseline: _TestPredictions, labels: NDArray[np.int64]
) -> Comparison:
    names = (model.candidate.name, baseline.candidate.name)
    comparison = paired.compare_models(names, model.correct, baseline.correct, labels)
    macro_f1 = paired.macro_f1_interval(model.labels, baseline.labels, labels)
    return comparison.model_copy(update={"macro_f1_difference": macro_f1})
