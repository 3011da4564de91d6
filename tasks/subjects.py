"""From the chain's checkpoints to the subjects that evaluation judges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from coldpress import model_files
from coldpress.benchmark import Benchmark
from coldpress.checkpoint import Checkpoint
from coldpress.encoding import Batch, Encoded, encode
from coldpress.evaluation.judge import Judgement, judge
from coldpress.evaluation.subject import Logits, Subject, torch_subject
from coldpress.onnx.export import export
from coldpress.onnx.predictor import Predictor
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
        return judge(benchmark, subjects, recipe.evaluate, fp32)


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
        return replace(subject, runtime="simulated", answer=None, end_to_end=None)
    return subject


def _onnx_subject(name: str, parent: Subject, directory: Path, size: int, threads: int) -> Subject:
    """An ONNX graph has the parameters and the arithmetic of the checkpoint it came from."""
    predictor = Predictor(directory, threads)

    def answer(batch: Batch) -> Logits:
        return predictor.logits(batch.input_ids, batch.attention_mask, batch.token_type_ids)

    def logits(rows: Encoded) -> Logits:
        given = np.empty((len(rows), len(predictor.labels)), dtype=np.float32)
        for batch in rows.batches(64):
            given[batch.rows] = answer(batch)
        return given

    return replace(
        parent,
        name=name,
        parent=parent.name,
        runtime="onnxruntime",
        logits=logits,
        answer=answer,
        end_to_end=predictor.predict,
        bytes=size,
    )
