"""Evaluate the checkpoints of a pipeline, from the teacher to the final model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import Batch, EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.evaluation.candidate import Candidate, torch_candidate
from coldpress.evaluation.config import Evaluate
from coldpress.evaluation.evaluate import EvaluationResult, evaluate_candidates
from coldpress.evaluation.scorecard.final_model import TEACHER
from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx.answers_candidate import answers_candidate
from coldpress.onnx.export import export
from coldpress.onnx.inference import Logits, decision_outputs, logit_thresholds, run_batch
from coldpress.onnx.invariance import measure_invariance
from coldpress.onnx.predictor import Predictor
from coldpress.onnx.serving_cost import measure_serving_cost
from coldpress.quantization.core.storage import load_any_precision
from coldpress.quantization.precision import describe_arithmetic
from coldpress.teacher.answers.answers import TeacherAnswers

SCORECARD_NAMES: Mapping[str, str] = {
    "train_teacher": "teacher",
    "distill_student": "student",
    "prune": "pruned",
    "quantize": "quantized",
    "export_onnx": "onnx",
}
"""Name of each stage's model in scorecards."""


@dataclass(frozen=True)
class EvaluationInputs:
    """The checkpoints of one pipeline and the evaluation settings.

    Attributes:
        checkpoints: From the teacher to the final model, without skipped stages.
        benchmark: Provides the test split.
        section: Slices, latency and cost.
        opset: ONNX operator set of the teacher's reference export; None if the final model is no
            ONNX file.
        answers: Those of the teacher, if it is no checkpoint.
    """

    checkpoints: Sequence[Checkpoint]
    benchmark: Benchmark
    section: Evaluate
    opset: int | None
    answers: TeacherAnswers | None = None

    @property
    def threads(self) -> int:
        """Number of threads of an ONNX session."""
        return self.section.latency.threads


def evaluate_pipeline(inputs: EvaluationInputs) -> EvaluationResult:
    """Evaluate every model of a pipeline on the test split.

    Args:
        inputs: The checkpoints and the benchmark.

    Returns:
        Scorecards, comparisons and predictions of all models.
    """
    inputs = _with_answered_validation(inputs)
    candidates = _candidates(inputs)
    if inputs.opset is None:
        return evaluate_candidates(inputs.benchmark, candidates, inputs.section)
    if inputs.answers is not None:
        result = evaluate_candidates(inputs.benchmark, candidates, inputs.section)
        return _add_serving(result, inputs, candidates[-1].test)
    teacher = inputs.checkpoints[0]
    with TemporaryDirectory() as directory:
        export(teacher, Path(directory), inputs.opset, {})
        fp32 = _onnx_candidate(
            TEACHER, candidates[0], Path(directory), teacher.bytes, inputs.threads
        )
        result = evaluate_candidates(inputs.benchmark, candidates, inputs.section, fp32)
    return _add_serving(result, inputs, candidates[-1].test)


def _with_answered_validation(inputs: EvaluationInputs) -> EvaluationInputs:
    """Leave out validation rows without an answer if models are compared with answers."""
    if inputs.answers is None or not inputs.answers.has_test:
        return inputs
    answered = inputs.answers.answered_validation(inputs.benchmark.validation)
    return replace(inputs, benchmark=replace(inputs.benchmark, validation=answered))


def _candidates(inputs: EvaluationInputs) -> list[Candidate]:
    """Return the models in their order; answers take the place of a teacher's checkpoint."""
    candidates: list[Candidate] = []
    for checkpoint in inputs.checkpoints:
        parent = candidates[-1] if candidates else None
        candidates.append(_checkpoint_candidate(inputs, checkpoint, parent))
    if inputs.answers is None or not inputs.answers.has_test:
        return candidates
    student = candidates[0]
    teacher = answers_candidate(
        inputs.answers, student, inputs.benchmark.test, inputs.section.latency.batch
    )
    return [teacher, replace(student, parent=TEACHER), *candidates[1:]]


def _add_serving(
    result: EvaluationResult, inputs: EvaluationInputs, test: EncodedSplit
) -> EvaluationResult:
    """Add the measurements of the deployable file to its scorecard."""
    files = inputs.checkpoints[-1].path
    price = inputs.section.cost.price_per_core_hour
    measured = {
        "invariance": measure_invariance(files, test),
        "serving": measure_serving_cost(files, inputs.benchmark.test, price),
    }
    cards = result.evaluation.models
    models = {**cards, "onnx": cards["onnx"].model_copy(update=measured)}
    return replace(result, evaluation=result.evaluation.model_copy(update={"models": models}))


def _checkpoint_candidate(
    inputs: EvaluationInputs, checkpoint: Checkpoint, parent: Candidate | None
) -> Candidate:
    name = SCORECARD_NAMES[checkpoint.manifest.stage]
    if name == "onnx" and parent is not None:
        size = checkpoint.bytes
        return _onnx_candidate(name, parent, checkpoint.path, size, inputs.threads)
    simulated = name == "quantized"
    classifier = load_any_precision(checkpoint)
    test = encode(classifier.tokenizer, inputs.benchmark.test)
    parent_name = parent.name if parent else None
    candidate = torch_candidate(name, parent_name, classifier, test, checkpoint.bytes)
    if not simulated:
        return candidate
    return replace(
        candidate,
        runtime="simulated",
        forward=None,
        end_to_end=None,
        computes_in=describe_arithmetic(classifier),
    )


def _onnx_candidate(
    name: str, parent: Candidate, directory: Path, size: int, threads: int
) -> Candidate:
    """Build an ONNX model's candidate; parameters and arithmetic are those of its checkpoint."""
    predictor = Predictor(directory, threads)

    def forward(batch: Batch) -> Logits:
        return run_batch(predictor, batch)

    def outputs(split: Split) -> Logits:
        return decision_outputs(predictor, parent.encode(split))

    return replace(
        parent,
        name=name,
        parent=parent.name,
        runtime="onnxruntime",
        outputs=outputs,
        forward=forward,
        end_to_end=predictor.predict,
        bytes=size,
        temperature=predictor.fitted_temperature,
        thresholds=logit_thresholds(predictor),
        point_thresholds=tuple(point["threshold"] for point in predictor.operating_points),
    )
