"""Evaluate the checkpoints of a pipeline, from the teacher to the ONNX file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from coldpress.data.benchmark import Benchmark
from coldpress.data.encoding import Batch, EncodedSplit, encode
from coldpress.evaluation.candidate import Candidate, Logits, torch_candidate
from coldpress.evaluation.config import Evaluate
from coldpress.evaluation.evaluate import EvaluationResult, evaluate_candidates
from coldpress.model import serialization
from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx.export import export
from coldpress.onnx.inference import raw_logits, run_batch
from coldpress.onnx.invariance import measure_invariance
from coldpress.onnx.predictor import Predictor
from coldpress.onnx.serving_cost import measure_serving_cost
from coldpress.quantization.core.storage import load_quantized
from coldpress.quantization.precision import describe_arithmetic

SCORECARD_NAMES: Mapping[str, str] = {
    "train_teacher": "teacher",
    "distill_student": "student",
    "prune": "pruned",
    "quantize": "quantized",
    "export_onnx": "onnx",
}
"""What the scorecard calls each stage's model."""


@dataclass(frozen=True)
class EvaluationInputs:
    """The models of one pipeline and what they are evaluated with.

    Attributes:
        checkpoints: From the teacher to the ONNX file; a stage that was left out has none.
        benchmark: Brings the test split.
        section: Slices, latency and cost.
        opset: ONNX operator set that the teacher is exported with, as a reference.
    """

    checkpoints: Sequence[Checkpoint]
    benchmark: Benchmark
    section: Evaluate
    opset: int

    @property
    def threads(self) -> int:
        """Threads that an ONNX session may use."""
        return self.section.latency.threads


def evaluate_pipeline(candidates: EvaluationInputs) -> EvaluationResult:
    """Open the test split for every model of a pipeline.

    Args:
        candidates: The models and the benchmark.

    Returns:
        Their scorecards and comparisons, their answers, and what compression lost.
    """
    subjects: list[Candidate] = []
    for checkpoint in candidates.checkpoints:
        subjects.append(
            _checkpoint_candidate(candidates, checkpoint, subjects[-1] if subjects else None)
        )
    teacher = candidates.checkpoints[0]
    with TemporaryDirectory() as directory:
        export(teacher, Path(directory), candidates.opset, {})
        fp32 = _onnx_candidate(
            "teacher", subjects[0], Path(directory), subjects[0].bytes, candidates.threads
        )
        judgement = evaluate_candidates(candidates.benchmark, subjects, candidates.section, fp32)
    return _add_serving(judgement, candidates, subjects[-1].test)


def _add_serving(
    judgement: EvaluationResult, candidates: EvaluationInputs, test: EncodedSplit
) -> EvaluationResult:
    """Add what is measured of the deployable file alone."""
    files, price = candidates.checkpoints[-1].path, candidates.section.cost.price_per_core_hour
    measured = {
        "invariance": measure_invariance(files, test),
        "serving": measure_serving_cost(files, candidates.benchmark.test, price),
    }
    cards = judgement.evaluation.models
    models = {**cards, "onnx": cards["onnx"].model_copy(update=measured)}
    return replace(judgement, evaluation=judgement.evaluation.model_copy(update={"models": models}))


def _checkpoint_candidate(
    candidates: EvaluationInputs, checkpoint: Checkpoint, parent: Candidate | None
) -> Candidate:
    name = SCORECARD_NAMES[checkpoint.manifest.stage]
    if name == "onnx" and parent is not None:
        size = checkpoint.bytes
        return _onnx_candidate(name, parent, checkpoint.path, size, candidates.threads)
    simulated = name == "quantized"
    classifier = (
        load_quantized(checkpoint) if simulated else serialization.load_classifier(checkpoint)
    )
    test = encode(classifier.tokenizer, candidates.benchmark.test)
    above = parent.name if parent else None
    subject = torch_candidate(name, above, classifier, test, checkpoint.bytes)
    if simulated:
        known = describe_arithmetic(classifier)
        return replace(
            subject, runtime="simulated", forward=None, end_to_end=None, computes_in=known
        )
    return subject


def _onnx_candidate(
    name: str, parent: Candidate, directory: Path, size: int, threads: int
) -> Candidate:
    """An ONNX graph has the parameters and the arithmetic of the checkpoint it came from."""
    predictor = Predictor(directory, threads)

    def forward(batch: Batch) -> Logits:
        return run_batch(predictor, batch)

    def logits(rows: EncodedSplit) -> Logits:
        return raw_logits(predictor, rows) / predictor.temperature

    return replace(
        parent,
        name=name,
        parent=parent.name,
        runtime="onnxruntime",
        logits=logits,
        forward=forward,
        end_to_end=predictor.predict,
        bytes=size,
        temperature=predictor.temperature,
    )
