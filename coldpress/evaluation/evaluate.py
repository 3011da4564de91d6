"""Open the test split once, for all models side by side."""

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
    """What came of opening the test split.

    Attributes:
        evaluation: All models side by side.
        flips: The rows that compression lost.
        answers: What each model said, for whoever compares another model with these.
    """

    evaluation: Evaluation
    flips: tuple[Flip, ...]
    answers: Predictions


@dataclass(frozen=True)
class _TestPredictions:
    """What one subject showed.

    Attributes:
        logits: Shape (rows, labels).
        predicted: Label indices, shape (rows,).
        right: Whether they are the labels, shape (rows,).
    """

    subject: Candidate
    logits: Logits
    predicted: NDArray[np.int64]
    right: NDArray[np.bool_]


@dataclass(frozen=True)
class _Context:
    """What all subjects are judged against."""

    benchmark: Benchmark
    labels: NDArray[np.int64]
    times: CandidateTimings
    teacher: _TestPredictions


def evaluate_candidates(
    benchmark: Benchmark,
    subjects: Sequence[Candidate],
    section: Evaluate,
    teacher_in_onnx: Candidate | None = None,
) -> EvaluationResult:
    """Judge all models of a run on the test split, paired and timed in turns.

    Args:
        benchmark: Its test split is what counts.
        subjects: From the teacher, whose parent is None, to the final model. A stage that was
            skipped is left out, and its child names the stage before it as its parent.
        section: What is timed, and which slices are judged by themselves.
        teacher_in_onnx: The unpressed teacher in the runtime of the final model: timed with the
            others, and not judged.

    Returns:
        One scorecard a subject, each compared with its parent and with the teacher; the final
        model against the teacher group by group.
    """
    labels = np.asarray(benchmark.test.labels, dtype=np.int64)
    sittings = {subject.name: _predict(subject, labels) for subject in subjects}
    teacher = next(s for s in sittings.values() if s.subject.parent is None)
    times = time_candidates(subjects, teacher_in_onnx, benchmark.test, section.latency)
    room = _Context(benchmark, labels, times, teacher)
    answers = _collect_predictions(sittings, benchmark)
    evaluation = Evaluation(
        n=len(labels),
        overlap=benchmark.overlap,
        models={name: _scorecard(sitting, room) for name, sitting in sittings.items()},
        comparisons=_comparisons(sittings, teacher, labels),
        equity=_compare_groups(subjects, answers, benchmark, section.slices),
        conditions=timing_conditions(section.latency, subjects[-1].test, times.answers.machine),
    )
    return EvaluationResult(evaluation, find_flips(answers, benchmark.test), answers)


def _collect_predictions(
    sittings: Mapping[str, _TestPredictions], benchmark: Benchmark
) -> Predictions:
    logits = {name: s.logits.astype(np.float32) for name, s in sittings.items()}
    labels = np.asarray(benchmark.test.labels, dtype=np.int64)
    return Predictions(benchmark.test.ids, benchmark.labels, labels, logits)


def _compare_groups(
    subjects: Sequence[Candidate],
    answers: Predictions,
    benchmark: Benchmark,
    declared: Sequence[DeclaredSlices],
) -> tuple[Group, ...]:
    """Judge classes, then declared slices, then those that the validation split points at."""
    teacher, final = subjects[0], subjects[-1]
    if final is teacher:
        return ()
    validation = benchmark.validation
    asked = ValidationPredictions(
        validation, *(one.logits(one.read(validation)) for one in (teacher, final))
    )
    groups = [
        *equity.class_slices(answers),
        *(group for one in declared for group in one.of(benchmark.test)),
        *search.search_slices(asked, benchmark.test, answers.logits[teacher.name]),
    ]
    right = (answers.right(final.name), answers.right(teacher.name))
    return equity.compare_groups(groups, *right, answers.labels)


def _predict(subject: Candidate, labels: NDArray[np.int64]) -> _TestPredictions:
    logits = subject.logits(subject.test)
    predicted = logits.argmax(axis=1)
    return _TestPredictions(subject, logits, predicted, predicted == labels)


def _scorecard(sitting: _TestPredictions, room: _Context) -> Scorecard:
    subject, teacher = sitting.subject, room.teacher
    accuracy = metrics.accuracy(sitting.predicted, room.labels)
    card = Scorecard(
        accuracy=accuracy,
        macro_f1=metrics.macro_f1(sitting.predicted, room.labels),
        parameters=subject.parameters,
        bytes=subject.bytes,
        macs_per_token=subject.macs_per_token,
        latency_ms=None,
        end_to_end_ms=None,
        batch=None,
        threads=None,
        runtime=subject.runtime,
        per_class=metrics.per_class(sitting.predicted, room.labels, room.benchmark.labels),
        calibration_error=calibration.calibration_error(sitting.logits, room.labels),
        retention=metrics.retention(accuracy, metrics.accuracy(teacher.predicted, room.labels)),
        agreement=metrics.agreement(sitting.predicted, teacher.predicted),
        difference=_difference(sitting, teacher, room.labels),
        speedup=None,
        speedup_same_runtime=None,
        compression=teacher.subject.bytes / subject.bytes,
        truncated=subject.test.truncated,
        reliability=calibration.reliability_bins(sitting.logits, room.labels),
        temperature=subject.temperature,
        computes_in=subject.computes_in,
    )
    return add_timings(card, subject, room.times)


def _difference(
    model: _TestPredictions, teacher: _TestPredictions, labels: NDArray[np.int64]
) -> Interval:
    if model is teacher:
        return paired.NO_DIFFERENCE
    return paired.paired_interval(model.right, teacher.right, labels)


def _comparisons(
    sittings: Mapping[str, _TestPredictions], teacher: _TestPredictions, labels: NDArray[np.int64]
) -> tuple[Comparison, ...]:
    """Compare with the parent first, and with the teacher where that is another one."""
    return tuple(
        _compare(sitting, sittings[baseline], labels)
        for sitting in sittings.values()
        if sitting.subject.parent is not None
        for baseline in dict.fromkeys((sitting.subject.parent, teacher.subject.name))
    )


def _compare(
    model: _TestPredictions, baseline: _TestPredictions, labels: NDArray[np.int64]
) -> Comparison:
    names = (model.subject.name, baseline.subject.name)
    compared = paired.compare_models(names, model.right, baseline.right, labels)
    macro_f1 = paired.macro_f1_interval(model.predicted, baseline.predicted, labels)
    return compared.model_copy(update={"macro_f1_difference": macro_f1})
