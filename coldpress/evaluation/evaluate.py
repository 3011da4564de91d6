"""Evaluate all models of a run on the test split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coldpress.benchmark.loading import Benchmark
from coldpress.evaluation import label_scores
from coldpress.evaluation.candidate import Candidate
from coldpress.evaluation.config import Evaluate
from coldpress.evaluation.operating_points.measure import measure_points
from coldpress.evaluation.outputs import RowsRun, run_on_test
from coldpress.evaluation.performance.conditions import timing_conditions
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.final_model import TEACHER
from coldpress.evaluation.scorecard.flip import Flip
from coldpress.evaluation.scorecard.operating_point import OperatingPoint
from coldpress.evaluation.scorecard.scorecard import (
    Comparison,
    Evaluation,
    Group,
    Scorecard,
)
from coldpress.evaluation.scorecard.vector_form import VectorForm
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.statistics.comparison import compare_outputs, score_bounds
from coldpress.evaluation.subgroups import equity, search
from coldpress.evaluation.subgroups.flips import find_flips
from coldpress.evaluation.subgroups.search import ValidationPredictions
from coldpress.evaluation.subgroups.slices import DeclaredSlices, Slice
from coldpress.evaluation.teacher_comparison import compare_with_teacher
from coldpress.evaluation.timing import CandidateTimings, add_timings, time_candidates
from coldpress.evaluation.vector_forms import final_forms


@dataclass(frozen=True)
class EvaluationResult:
    """Result of an evaluation on the test split.

    Attributes:
        evaluation: Scorecards and comparisons of all models.
        flips: Samples that the teacher predicts well and the final model does not.
        predictions: Outputs of all models, to compare other models with later.
    """

    evaluation: Evaluation
    flips: tuple[Flip, ...]
    predictions: Predictions


@dataclass(frozen=True)
class _Context:
    """Test split, outputs of all models on it, and timings.

    Attributes:
        benchmark: Dataset with the test split.
        predictions: Outputs of all candidates for the test split.
        teacher: The teacher's candidate; None if nothing of it is known for the test rows.
        timings: Of all candidates.
        comparisons: Every model with its parent and with the teacher, by their names.
        points: Operating points of all models, by name.
        forms: Forms in which an index can store the ONNX file's vectors, by its name.
    """

    benchmark: Benchmark
    predictions: Predictions
    teacher: Candidate | None
    timings: CandidateTimings
    comparisons: Mapping[tuple[str, str], Comparison]
    points: Mapping[str, tuple[OperatingPoint, ...]]
    forms: Mapping[str, tuple[VectorForm, ...]]


def evaluate_candidates(
    benchmark: Benchmark,
    candidates: Sequence[Candidate],
    section: Evaluate,
    teacher_in_onnx: Candidate | None = None,
) -> EvaluationResult:
    """Evaluate all models of a run on the test split, with paired tests and interleaved timing.

    Args:
        benchmark: Dataset with the test split.
        candidates: From the teacher to the final model; the first one's parent is None. A skipped
            stage is missing, and its child names the stage before it as its parent.
        section: Settings of latency and slices.
        teacher_in_onnx: The original teacher in the runtime of the final model: timed with the
            others, without a scorecard.

    Returns:
        One scorecard per candidate, comparisons with its parent and with the teacher, and the final
        model against the teacher by class and slice. Without a teacher, there are no comparisons
        with it.
    """
    candidates = [
        label_scores.with_thresholds(candidate, benchmark.kind, benchmark.validation)
        for candidate in candidates
    ]
    runs = {c.name: run_on_test(benchmark, c.outputs) for c in candidates}
    predictions = _predict(candidates, runs, benchmark)
    teacher = candidates[0] if candidates[0].name == TEACHER else None
    timings = time_candidates(candidates, teacher_in_onnx, benchmark.test, section.latency)
    comparisons = _compare_models(candidates, teacher, predictions)
    points = measure_points(section.operating_points, candidates, predictions, benchmark.validation)
    forms = {c.name: final_forms(benchmark, runs[c.name]) for c in candidates if _is_file(c)}
    context = _Context(benchmark, predictions, teacher, timings, comparisons, points, forms)
    evaluation = Evaluation(
        n=len(benchmark.test),
        overlap=benchmark.overlap,
        models={candidate.name: _scorecard(candidate, context) for candidate in candidates},
        comparisons=tuple(comparisons.values()),
        equity=_compare_groups(candidates, predictions, benchmark, section.slices),
        conditions=timing_conditions(section.latency, candidates[-1].test, timings.forward.machine),
        kind=benchmark.kind.name,
    )
    flips = () if teacher is None else find_flips(predictions, benchmark.test)
    return EvaluationResult(evaluation, flips, predictions)


def _is_file(candidate: Candidate) -> bool:
    """Whether a model is the ONNX file: only its vectors are stored in an index."""
    return candidate.runtime == "onnxruntime"


def _predict(
    candidates: Sequence[Candidate], runs: Mapping[str, RowsRun], benchmark: Benchmark
) -> Predictions:
    outputs = {name: run.outputs for name, run in runs.items()}
    thresholds = {
        c.name: tuple(c.thresholds.tolist()) for c in candidates if c.thresholds is not None
    }
    test = benchmark.test
    return Predictions(
        tuple(test.ids),
        benchmark.kind,
        benchmark.labels,
        test.target_array,
        outputs,
        thresholds,
        test.units,
    )


def _compare_groups(
    candidates: Sequence[Candidate],
    predictions: Predictions,
    benchmark: Benchmark,
    declared: Sequence[DeclaredSlices],
) -> tuple[Group, ...]:
    """Compare with the teacher by class, by declared slice, and by slices found on validation."""
    teacher = candidates[0]
    final = candidates[-1]
    if teacher.name != TEACHER or final is teacher:
        return ()
    samples = benchmark.kind.split_samples(benchmark.test)
    slices = [group for section in declared for group in section.select(samples)]
    if benchmark.validation.targets:
        slices += _search_slices(teacher, final, predictions, benchmark)
    groups = [*equity.target_groups(predictions), *equity.slice_groups(slices, predictions)]
    return equity.compare_groups(groups)


def _search_slices(
    teacher: Candidate, final: Candidate, predictions: Predictions, benchmark: Benchmark
) -> list[Slice]:
    """Find slices by the losses on the validation split, which needs targets."""
    split = benchmark.validation
    validation = ValidationPredictions(
        benchmark.kind,
        split,
        teacher.outputs(split),
        final.outputs(split),
    )
    return search.search_slices(validation, benchmark.test, predictions.outputs[teacher.name])


def _scorecard(candidate: Candidate, context: _Context) -> Scorecard:
    kind = context.benchmark.kind
    targets = context.predictions.targets
    outputs = context.predictions.outputs[candidate.name]
    scores = label_scores.all_scores(context.predictions, candidate.name)
    metric = kind.metrics[0].name
    teacher, comparisons = context.teacher, context.comparisons
    card = Scorecard(
        **label_scores.label_fields(context.predictions, candidate.name, scores),
        parameters=candidate.parameters,
        bytes=candidate.bytes,
        macs_per_token=candidate.macs_per_token,
        latency_ms=None,
        end_to_end_ms=None,
        batch=None,
        threads=None,
        runtime=candidate.runtime,
        **compare_with_teacher(
            candidate, teacher, context.predictions, comparisons, scores[metric]
        ),
        speedup=None,
        speedup_same_runtime=None,
        truncated=candidate.test.truncated,
        temperature=candidate.temperature,
        computes_in=candidate.computes_in,
        scores=scores,
        metric=metric,
        score_interval=score_bounds(kind, outputs, targets),
        operating_points=context.points[candidate.name],
        vector_forms=context.forms.get(candidate.name, ()),
    )
    return add_timings(card, candidate, context.timings)


def _compare_models(
    candidates: Sequence[Candidate], teacher: Candidate | None, predictions: Predictions
) -> dict[tuple[str, str], Comparison]:
    """Compare each model with its parent, then with a teacher unless that is its parent."""
    return {
        (candidate.name, baseline): _compare((candidate.name, baseline), predictions)
        for candidate in candidates
        if candidate.parent is not None
        for baseline in dict.fromkeys((candidate.parent, *([teacher.name] if teacher else [])))
    }


def _compare(names: tuple[str, str], predictions: Predictions) -> Comparison:
    kind = predictions.kind
    targets = predictions.targets
    model, baseline = (predictions.outputs[name] for name in names)
    comparison = compare_outputs(names, kind, model, baseline, targets)
    if not kind.is_classification:
        return comparison
    macro_f1 = paired.macro_f1_interval(model.argmax(axis=1), baseline.argmax(axis=1), targets)
    return comparison.model_copy(update={"macro_f1_difference": macro_f1})
