"""The prune stage on the tiny model, with a tracking store of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coldpress.distillation import soft_targets as targets
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import load_classifier, save_classifier
from coldpress.recipe.recipe import Recipe
from coldpress.training.step import no_progress
from tasks.bodies.prune import prune
from tasks.execution import data
from tasks.execution.pipeline_run import PipelineRun
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.tracking import runs
from tests.support.wordpiece import with_word_pieces

TEXTS = {"calm": "slow oil", "fast": "fast press", "warm": "warm olive stone"}


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """Ten rows per label, and two steps of one method with different recovery epochs."""
    rows = [{"text": f"{text} {n}", "label": k} for k, text in TEXTS.items() for n in range(10)]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    step = {"method": "neurons", "keep_neurons": 0.5}
    return Recipe.model_validate(
        {
            "name": "tiny",
            "benchmark": {
                "kind": "text-classification",
                "source": {"origin": "files", "train": file, "test": file},
            },
            "teacher": {"model": {"origin": "scratch", "layers": 2}, "epochs": 1},
            "prune": [{**step, "recovery_epochs": 1}, {**step, "recovery_epochs": 2}],
        }
    )


@pytest.fixture
def soft_targets(recipe: Recipe, tiny: Classifier, tmp_path: Path) -> Checkpoint:
    return save_soft_targets(tiny, recipe, tmp_path)


def save_soft_targets(model: Classifier, recipe: Recipe, folder: Path) -> Checkpoint:
    manifest = Manifest(stage="generate_soft_targets")
    with new_checkpoint(folder / "soft_targets", manifest) as directory:
        targets.save_soft_targets(
            targets.compute_soft_targets(model, data.load_transfer_set(recipe)), directory
        )
    return Checkpoint.open(folder / "soft_targets")


def run_prune(recipe: Recipe, target: Path, inputs: list[Checkpoint]) -> str:
    """Run the stage, and return the id of its run."""
    run_id = runs.open_run(runs.ensure_experiment("tiny"), "prune", {"stage": "prune"})
    spec = StageSpec(PipelineRun(recipe, "none", "none", {}), "prune", {"steps": recipe.prune})
    prune(StageContext(spec, target, inputs, run_id, no_progress))
    return run_id


def test_two_steps_of_one_method_have_separate_curves(
    recipe: Recipe, tiny_checkpoint: Checkpoint, soft_targets: Checkpoint, state: Path
) -> None:
    run_id = run_prune(recipe, state / "pruned", [tiny_checkpoint, soft_targets])
    first, second = (
        runs.client().get_metric_history(run_id, f"step_{number}_neurons_epoch_loss")
        for number in (1, 2)
    )
    assert [point.step for point in first] == [1]
    assert [point.step for point in second] == [1, 2]


def test_words_of_validation_texts_alone_are_removed(
    recipe: Recipe, tiny: Classifier, state: Path, tmp_path: Path
) -> None:
    """As many words are new in the validation split as in the test split."""
    file = tmp_path / "validation.jsonl"
    file.write_text("".join(f'{{"text": "cold oil", "label": "{k}"}}\n' for k in TEXTS))
    content = recipe.model_dump(mode="json", exclude_none=True)
    content["benchmark"]["source"]["validation"] = str(file)
    recipe = Recipe.model_validate(content | {"prune": [{"method": "vocabulary"}]})
    model = with_word_pieces(tiny)
    manifest = Manifest(stage="distill_student", labels=model.labels, shapes=model.shapes)
    with new_checkpoint(tmp_path / "student", manifest) as directory:
        save_classifier(model, directory)
    inputs = [Checkpoint.open(tmp_path / "student"), save_soft_targets(model, recipe, tmp_path)]
    run_prune(recipe, state / "pruned", inputs)
    tokens = load_classifier(Checkpoint.open(state / "pruned")).tokenizer.get_vocab()
    assert "oil" in tokens
    assert "cold" not in tokens
