"""A check of the program in seconds: synthetic text, a tiny teacher, and its own ONNX file."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from coldpress.benchmark import loading
from coldpress.benchmark.loading import Benchmark
from coldpress.kinds import TextClassificationBenchmark
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.onnx import predictor
from coldpress.teacher.spec import ScratchModel, Teacher
from peers.rows import MAX_TOKENS

NAME = "quick"
_OPSET = 17
_SOURCE = {"origin": "synthetic", "train_examples": 300, "test_examples": 60}
_ENCODER = {"origin": "scratch", "layers": 1, "hidden_size": 32, "heads": 2, "neurons": 64}


@cache
def data() -> Benchmark:
    """Generate the rows."""
    section = {"kind": "text-classification", "source": _SOURCE}
    return loading.load_benchmark(TextClassificationBenchmark.model_validate(section), 0)


def teacher(folder: Path) -> Checkpoint:
    """Make a tiny teacher with random weights: nothing is said about accuracy here.

    Args:
        folder: What it contains is replaced.
    """
    from coldpress.model import serialization
    from coldpress.teacher import build
    from coldpress.training import loop

    shutil.rmtree(folder, ignore_errors=True)
    target = folder / "teacher"
    target.parent.mkdir(parents=True)
    loop.reseed(0, "train_teacher")
    model = Teacher(model=ScratchModel.model_validate(_ENCODER), epochs=1)
    classifier = build.build_teacher(model, data(), MAX_TOKENS)
    serialization.write_checkpoint(classifier, target, Manifest(stage="train_teacher"))
    return Checkpoint.open(target)


def pulled(folder: Path) -> Path:
    """Export the teacher, and add the predictor as `coldpress pull` does.

    Args:
        folder: With the teacher.
    """
    from coldpress.onnx.export import export

    target = folder / "pulled"
    target.mkdir()
    export(Checkpoint.open(folder / "teacher"), target, _OPSET, {})
    shutil.copyfile(predictor.__file__, target / "predictor.py")
    return target
