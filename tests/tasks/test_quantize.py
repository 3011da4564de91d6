"""Inputs of the quantize stage's cache key, and its training methods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from coldpress.distillation import soft_targets as targets
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.quantization.core.storage import load_any_precision
from coldpress.recipe.recipe import Recipe
from coldpress.training.step import no_progress
from tasks.bodies.quantize import quantize
from tasks.execution import data
from tasks.execution.pipeline_run import PipelineRun
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.quantize import _stage_spec
from tasks.tracking import runs
from tasks.tracking.results import StageResult

TEXTS = {"calm": "slow oil", "fast": "fast press", "warm": "warm olive stone"}
STATIC = {"method": "static-int8"}
QAT = {"method": "qat", "bits": 2, "epochs": 2, "batch_size": 8}
PRUNED = StageResult(stage="prune", status="ran", digest="pruned")


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    """Content of a recipe: ten rows per label and a distilled student."""
    rows = [{"text": f"{text} {n}", "label": k} for k, text in TEXTS.items() for n in range(10)]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    files = {"origin": "files", "train": file, "test": file}
    return {
        "name": "tiny",
        "benchmark": {"kind": "text-classification", "source": files},
        "teacher": {"model": {"origin": "scratch", "layers": 2}, "epochs": 1},
        "distill": {"method": "logits", "student": {"layers": 2}},
    }


def build_spec(content: dict[str, Any], section: dict[str, Any], digest: str) -> StageSpec:
    """The stage spec of a section, with soft targets of this digest."""
    recipe = Recipe.model_validate({**content, "quantize": section})
    soft_targets = StageResult(stage="generate_soft_targets", status="ran", digest=digest)
    return _stage_spec(PipelineRun(recipe, "none", "none", {}), PRUNED, soft_targets)


@pytest.mark.parametrize(("section", "depends"), [(STATIC, False), (QAT, True)])
def test_only_a_method_that_trains_depends_on_the_soft_targets(
    section: dict[str, Any], depends: bool, content: dict[str, Any]
) -> None:
    first, same, changed = (build_spec(content, section, digest) for digest in ("a", "a", "b"))
    assert first.key == same.key
    assert (first.key != changed.key) is depends
    warmer = {**content, "distill": {**content["distill"], "temperature": 7.0}}
    assert (first.key != build_spec(warmer, section, "a").key) is depends


def test_training_logs_a_curve_and_stores_integers(
    content: dict[str, Any], tiny: Classifier, tiny_checkpoint: Checkpoint, state: Path
) -> None:
    spec = build_spec(content, QAT, "a")
    with new_checkpoint(state / "answers", Manifest(stage="generate_soft_targets")) as directory:
        targets.save_soft_targets(
            targets.compute_soft_targets(tiny, data.load_transfer_set(spec.run.recipe)), directory
        )
    inputs = [tiny_checkpoint, Checkpoint.open(state / "answers")]
    run_id = runs.open_run(runs.ensure_experiment("tiny"), "quantize", {"stage": "quantize"})
    metrics = quantize(StageContext(spec, state / "quantized", inputs, run_id, no_progress))
    curve = runs.client().get_metric_history(run_id, "epoch_loss")
    assert [point.step for point in curve] == [1, 2]
    quantized = Checkpoint.open(state / "quantized")
    loaded = load_any_precision(quantized)
    assert loaded.linear(loaded.layers[0], "up").weight.dtype == torch.int8
    parts = {
        group["weight_bits"]: group["parts"] for group in quantized.manifest.notes["computes_in"]
    }
    assert parts[4] == ["embeddings"]
    assert parts[2] == ["attention of layers 1 to 2", "feed-forward of layers 1 to 2", "pooler"]
    assert set(metrics) == {"validation_accuracy", "validation_accuracy_before"}
