"""What the quantize stage depends on, and what it hands to a method that trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coldpress.distillation import soft_targets as answers
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.quantization.core.storage import is_quantized
from coldpress.recipe.recipe import Recipe
from coldpress.training.loop import no_progress
from tasks.execution import data
from tasks.execution.stage import StageContext, StageSpec
from tasks.quantize import _quantize, _stage_spec
from tasks.tracking import runs
from tasks.tracking.results import StageResult

TEXTS = {"calm": "slow oil", "fast": "fast press", "warm": "warm olive stone"}
STATIC = {"method": "static-int8"}
QAT = {"method": "qat", "bits": 2, "epochs": 2, "batch_size": 8}
PRUNED = StageResult(stage="prune", status="ran", digest="pruned")


@pytest.fixture
def described(tmp_path: Path) -> dict[str, Any]:
    """Ten rows a label, and a student that was distilled."""
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


def ordered(described: dict[str, Any], section: dict[str, Any], answered: str) -> StageSpec:
    """The order for a section, with the teacher's answers of this digest."""
    recipe = Recipe.model_validate({**described, "quantize": section})
    soft_targets = StageResult(stage="generate_soft_targets", status="ran", digest=answered)
    return _stage_spec(recipe, PRUNED, soft_targets)


@pytest.mark.parametrize(("section", "depends"), [(STATIC, False), (QAT, True)])
def test_only_a_method_that_trains_depends_on_what_the_teacher_answered(
    section: dict[str, Any], depends: bool, described: dict[str, Any]
) -> None:
    one, same, other = (ordered(described, section, digest) for digest in ("a", "a", "b"))
    assert one.key == same.key
    assert (one.key != other.key) is depends
    warmer = {**described, "distill": {**described["distill"], "temperature": 7.0}}
    assert (one.key != ordered(warmer, section, "a").key) is depends


def test_training_leaves_a_curve_and_integers(
    described: dict[str, Any], tiny: Classifier, tiny_checkpoint: Checkpoint, state: Path
) -> None:
    order = ordered(described, QAT, "a")
    with new_checkpoint(state / "answers", Manifest(stage="generate_soft_targets")) as directory:
        answers.save_soft_targets(
            answers.compute_soft_targets(tiny, data.load_transfer_set(order.recipe)), directory
        )
    inputs = [tiny_checkpoint, Checkpoint.open(state / "answers")]
    run_id = runs.open_run(runs.ensure_experiment("tiny"), "quantize", {"stage": "quantize"})
    metrics = _quantize(StageContext(order, state / "quantized", inputs, run_id, no_progress))
    curve = runs.client().get_metric_history(run_id, "epoch_loss")
    assert [point.step for point in curve] == [1, 2]
    quantized = Checkpoint.open(state / "quantized")
    assert is_quantized(quantized)
    noted = {one["weight_bits"]: one["parts"] for one in quantized.manifest.notes["computes_in"]}
    assert noted[4] == ["embeddings"]
    assert noted[2] == ["attention of layers 1 to 2", "feed-forward of layers 1 to 2", "pooler"]
    assert set(metrics) == {"validation_accuracy", "validation_accuracy_before"}
