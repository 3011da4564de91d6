"""From the chain's checkpoints to the subjects that evaluation judges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from coldpress import model_files
from coldpress.benchmark import Benchmark
from coldpress.checkpoint import Checkpoint
from coldpress.encoding import Batch, Encoded, encode
from coldpress.evaluation.judge import Judgement, judge
from coldpress.evaluation.subject import Logits, Subject, torch_subject
from coldpress.onnx.answering import raw_logits, run
from coldpress.onnx.export import export
from coldpress.onnx.invariance import invariance
from coldpress.onnx.predictor import Predictor
from coldpress.onnx.serving_cost import serving_cost
from coldpress.quantization.arithmetic import arithmetic
from coldpress.quantization.storage import load_quantized
from coldpress.stages import Stage
from tasks.stage import Work

NAMES: dict[Stage, str] = {
    "train_teacher": "teacher",
    "distill_student": "student",
    "prune": "pruned",
    "quantize": "quantized",
    "export_onnx": "onnx",
}
"""What the scorecard calls each stage's model."""


def judged(work: Work, benchmark: Benchmark) -> Judgement:
    """Open the test split for every model of the chain.

    Args:
        work: Its inputs are the models, from the teacher to the ONNX file.
        benchmark: Brings the test split.

    Returns:
        Their scorecards and comparisons, their answers, and what compression lost.
    """
    recipe = work.order.recipe
    subjects: list[Subject] = []
    for result, checkpoint in zip(work.order.inputs, work.inputs, strict=True):
        name, parent = NAMES[result.stage], subjects[-1] if subjects else None
        subjects.append(_subject(name, parent, checkpoint, work, benchmark))
    with TemporaryDirectory() as directory:
        export(work.inputs[0], Path(directory), recipe.export.opset, {"recipe": recipe.name})
        threads = recipe.evaluate.latency.threads
        fp32 = _onnx_subject("teacher", subjects[0], Path(directory), subjects[0].bytes, threads)
        judgement = judge(benchmark, subjects, recipe.evaluate, fp32)
    return _with_serving(judgement, work, benchmark, subjects[-1].test)


def _with_serving(
    judgement: Judgement, work: Work, benchmark: Benchmark, test: Encoded
) -> Judgement:
    """Add what is measured of the deployable file alone."""
    files, cost = work.inputs[-1].path, work.order.recipe.evaluate.cost
    measured = {
        "invariance": invariance(files, test),
        "serving": serving_cost(files, benchmark.test, cost.price_per_core_hour),
    }
    cards = judgement.evaluation.models
    models = {**cards, "onnx": cards["onnx"].model_copy(update=measured)}
    return replace(judgement, evaluation=judgement.evaluation.model_copy(update={"models": models}))


def _subject(
    name: str, parent: Subject | None, checkpoint: Checkpoint, work: Work, benchmark: Benchmark
) -> Subject:
    if name == "onnx" and parent is not None:
        threads = work.order.recipe.evaluate.latency.threads
        return _onnx_subject(name, parent, checkpoint.path, checkpoint.bytes, threads)
    simulated = name == "quantized"
    classifier = load_quantized(checkpoint) if simulated else model_files.load(checkpoint)
    test = encode(classifier.tokenizer, benchmark.test)
    above = parent.name if parent else None
    subject = torch_subject(name, above, classifier, test, checkpoint.bytes)
    if simulated:
        known = arithmetic(classifier)
        return replace(
            subject, runtime="simulated", answer=None, end_to_end=None, computes_in=known
        )
    return subject


def _onnx_subject(name: str, parent: Subject, directory: Path, size: int, threads: int) -> Subject:
    """An ONNX graph has the parameters and the arithmetic of the checkpoint it came from."""
    predictor = Predictor(directory, threads)

    def answer(batch: Batch) -> Logits:
        return run(predictor, batch)

    def logits(rows: Encoded) -> Logits:
        return raw_logits(predictor, rows) / predictor.temperature

    return replace(
        parent,
        name=name,
        parent=parent.name,
        runtime="onnxruntime",
        logits=logits,
        answer=answer,
        end_to_end=predictor.predict,
        bytes=size,
        temperature=predictor.temperature,
    )
