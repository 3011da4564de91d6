"""The distillation stage with a student of another tokenizer: pretrained, or without layers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coldpress.distillation import soft_targets
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import load_classifier, save_classifier, write_checkpoint
from coldpress.recipe.recipe import Recipe
from coldpress.training.step import no_progress
from tasks.bodies.distill_student import distill
from tasks.distill_student import _stage_spec
from tasks.execution import data
from tasks.execution.pipeline_run import PipelineRun
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.tracking import runs
from tasks.tracking.results import StageResult
from tests.support.foreign_tokenizer import foreign_tokenizer
from tests.support.wordpiece import with_word_pieces

TEXTS = {"calm": "slow oil", "fast": "fast press", "warm": "warm olive stone"}


@pytest.fixture
def model(tiny: Classifier, tmp_path: Path) -> Path:
    """A pretrained model with a tokenizer of its own."""
    directory = tmp_path / "small"
    directory.mkdir()
    save_classifier(replace(tiny, tokenizer=foreign_tokenizer()), directory)
    return directory


@pytest.fixture
def spec_of_method(tmp_path: Path) -> Callable[[dict[str, Any]], StageSpec]:
    """Build the stage's spec from the recipe's distill section."""
    rows = [{"text": f"{text} {n}", "label": k} for k, text in TEXTS.items() for n in range(10)]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    files = {"origin": "files", "train": file, "test": file}
    inputs = [
        StageResult(stage="train_teacher", status="ran", digest="teacher"),
        StageResult(stage="generate_soft_targets", status="ran", digest="answers"),
    ]

    def build(distill: dict[str, Any]) -> StageSpec:
        content = {
            "name": "tiny",
            "benchmark": {"kind": "text-classification", "source": files},
            "teacher": {"model": {"origin": "scratch"}},
            "distill": distill,
        }
        return _stage_spec(PipelineRun(Recipe.model_validate(content), "none", "none", {}), *inputs)

    return build


@pytest.fixture
def spec_of(spec_of_method: Callable[[dict[str, Any]], StageSpec]) -> Callable[[Path], StageSpec]:
    """Build the stage's spec for a student that starts from a directory."""

    def build(directory: Path) -> StageSpec:
        student = {"from": str(directory), "layers": 1}
        return spec_of_method({"method": "logits", "student": student, "epochs": 1})

    return build


def test_the_key_depends_on_the_content_of_the_model_and_not_on_its_place(
    model: Path, spec_of: Callable[[Path], StageSpec], tmp_path: Path
) -> None:
    shutil.copytree(model, tmp_path / "moved")
    key = spec_of(model).key
    assert spec_of(tmp_path / "moved").key == key
    (tmp_path / "moved" / "model.safetensors").write_bytes(b"other")
    assert spec_of(tmp_path / "moved").key != key


def test_the_student_is_stored_with_its_own_tokenizer(
    model: Path,
    spec_of: Callable[[Path], StageSpec],
    tiny: Classifier,
    tiny_checkpoint: Checkpoint,
    state: Path,
) -> None:
    spec = spec_of(model)
    metrics = run_stage(spec, tiny, tiny_checkpoint, state)
    student = load_classifier(Checkpoint.open(state / "student"))
    assert student.tokenizer.encode("cold").ids == [0, 10, 2]
    assert (student.labels, len(student.layers)) == (tiny.labels, 1)
    assert set(metrics) == {"validation_accuracy", "parameters"}


@pytest.mark.parametrize(
    "section",
    [{"method": "static", "neurons": 8}, {"method": "convolution", "filters": 8}],
    ids=["static", "convolution"],
)
def test_a_student_without_layers_is_scored_by_its_own_tokens(
    section: dict[str, Any],
    spec_of_method: Callable[[dict[str, Any]], StageSpec],
    tiny: Classifier,
    state: Path,
) -> None:
    training = {"width": 8, "epochs": 20, "learning_rate": 0.02, "alpha": 0.0}
    spec = spec_of_method({**section, **training})
    teacher = with_word_pieces(tiny)
    write_checkpoint(teacher, state / "teacher", Manifest(stage="train_teacher"))
    metrics = run_stage(spec, teacher, Checkpoint.open(state / "teacher"), state)
    student = load_classifier(Checkpoint.open(state / "student"))
    # Without "cold"; numbers are unknown.
    assert student.tokenizer.encode("cold").tokens == ["[CLS]", "[UNK]", "[SEP]"]
    assert metrics["validation_accuracy"] == 1.0


def run_stage(
    spec: StageSpec, teacher: Classifier, checkpoint: Checkpoint, state: Path
) -> dict[str, float]:
    """Run the stage on the teacher's soft targets, and return its metrics."""
    rows = data.load_transfer_set(spec.run.recipe)
    with new_checkpoint(state / "answers", Manifest(stage="generate_soft_targets")) as directory:
        soft_targets.save_soft_targets(soft_targets.compute_soft_targets(teacher, rows), directory)
    inputs = [checkpoint, Checkpoint.open(state / "answers")]
    run_id = runs.open_run(runs.ensure_experiment("tiny"), "distill_student", {})
    return distill(StageContext(spec, state / "student", inputs, run_id, no_progress))
