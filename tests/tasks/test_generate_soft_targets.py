"""The soft-targets stage with variants and several teachers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from coldpress.distillation import soft_targets
from coldpress.model import serialization
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.recipe.recipe import Recipe
from coldpress.teacher import build
from coldpress.training.loop import reseed
from coldpress.training.step import no_progress
from tasks import generate_soft_targets
from tasks.environment import shard_folders
from tasks.execution import data
from tasks.execution.pipeline_run import PipelineRun
from tasks.execution.stage_spec import StageContext, StageSpec

TEXTS = {"calm": "slow oil", "fast": "fast press", "warm": "warm olive stone"}
HEADS, TAILS = ("slow", "fast", "warm"), ("oil", "press", "olive", "stone")
SIZES = {"origin": "scratch", "layers": 1, "hidden_size": 16, "heads": 2, "neurons": 16}


def make_recipe(folder: Path, **soft_targets: Any) -> Recipe:  # noqa: ANN401
    rows = [{"text": f"{text} {n}", "label": k} for k, text in TEXTS.items() for n in range(10)]
    file = folder / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    source = {"origin": "files", "train": file, "test": file}
    return Recipe.model_validate(
        {
            "name": "tiny",
            "benchmark": {"kind": "text-classification", "source": source, "max_tokens": 16},
            "teacher": {"model": SIZES, "epochs": 1, "freeze_embeddings": False},
            "soft_targets": soft_targets,
        }
    )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDPRESS_HOME", str(tmp_path / "home"))


@pytest.fixture
def teacher(tmp_path: Path) -> Checkpoint:
    reseed(0, "train_teacher")
    recipe = make_recipe(tmp_path)
    classifier = build.build_teacher(recipe.model_teacher, data.load_benchmark(recipe), 16)
    serialization.write_checkpoint(
        classifier, tmp_path / "teacher", Manifest(stage="train_teacher")
    )
    return Checkpoint.open(tmp_path / "teacher")


def generate(
    recipe: Recipe, teacher: Checkpoint, target: Path
) -> tuple[soft_targets.SoftTargets, Any]:
    run = PipelineRun(recipe, "none", "none", {})
    spec = StageSpec(run, "generate_soft_targets", generate_soft_targets._section(recipe))
    metrics = generate_soft_targets._generate(
        StageContext(spec, target, [teacher], "none", no_progress)
    )
    shard_folders.remove_shards(spec.key)
    return soft_targets.load_soft_targets(target), metrics


def test_several_teachers_are_averaged_and_each_is_judged(
    teacher: Checkpoint, tmp_path: Path
) -> None:
    alone, _ = generate(make_recipe(tmp_path), teacher, tmp_path / "one")
    three, metrics = generate(make_recipe(tmp_path, teachers=3), teacher, tmp_path / "three")
    again, _ = generate(make_recipe(tmp_path, teachers=3), teacher, tmp_path / "again")
    assert three.ids == alone.ids
    assert not torch.equal(three.logits, alone.logits)
    assert torch.equal(three.logits, again.logits)
    measured = {name for name in metrics if name.endswith("validation_accuracy")}
    names = ("teacher_1", "teacher_2", "teacher_3", "ensemble")
    assert measured == {f"{name}_validation_accuracy" for name in names}


def test_variants_have_soft_targets_too(teacher: Checkpoint, tmp_path: Path) -> None:
    recipe = make_recipe(tmp_path, augment={"copies": 1, "replace": 0.0, "mask": 1.0})
    targets, metrics = generate(recipe, teacher, tmp_path / "answers")
    train = data.load_transfer_set(recipe)
    assert targets.augmented is not None
    assert set(targets.augmented.texts) == {"[MASK] [MASK] [MASK]", "[MASK] [MASK] [MASK] [MASK]"}
    assert metrics["rows"] == len(targets.ids) == len(train) + 2
    assert targets.for_rows(targets.transfer_set(train)).shape == (len(train) + 2, 3)


def test_crossed_texts_have_soft_targets_too(teacher: Checkpoint, tmp_path: Path) -> None:
    recipe = make_recipe(
        tmp_path, augment={"copies": 0, "crossovers": 2, "replace": 0.0, "mask": 0.0}
    )
    targets, metrics = generate(recipe, teacher, tmp_path / "answers")
    train = data.load_transfer_set(recipe)
    assert targets.augmented is not None
    words = {tuple(text.split()[:2]) for text in targets.augmented.texts}
    assert ("fast", "oil") in words
    assert words <= {(head, tail) for head in HEADS for tail in (*TAILS, *"0123456789")}
    assert metrics["rows"] == len(train) + len(targets.augmented)
    classifier = serialization.load_classifier(teacher)
    expected = soft_targets.compute_soft_targets(classifier, targets.augmented).logits.float()
    torch.testing.assert_close(targets.for_rows(targets.augmented), expected)


def test_without_room_for_variants_there_are_none(teacher: Checkpoint, tmp_path: Path) -> None:
    recipe = make_recipe(tmp_path, augment={"copies": 9, "max_rows": 3})
    targets, metrics = generate(recipe, teacher, tmp_path / "answers")
    assert targets.augmented is None
    assert metrics["rows"] == len(data.load_transfer_set(recipe))


def test_other_teachers_are_part_of_the_key(tmp_path: Path) -> None:
    single, pair, triple = (make_recipe(tmp_path, teachers=n) for n in (1, 2, 3))
    faster = pair.model_copy(
        update={"teacher": pair.teacher.model_copy(update={"learning_rate": 1e-3})}
    )
    keys = [
        generate_soft_targets._ensemble_section(variant)
        for variant in (single, pair, triple, faster)
    ]
    assert keys[0] is None
    assert len({json.dumps(key) for key in keys}) == 4


def test_unlabelled_test_texts_are_counted_and_left_out(
    teacher: Checkpoint, tmp_path: Path
) -> None:
    pool = tmp_path / "pool.csv"
    pool.write_text("text\nslow oil 0\nSlow  Oil 1\nanother text\n")
    targets, metrics = generate(
        make_recipe(tmp_path, unlabelled=pool), teacher, tmp_path / "answers"
    )
    assert metrics["unlabelled_test_texts"] == 2
    assert metrics["unlabelled_validation_texts"] == 0
    train = data.load_benchmark(make_recipe(tmp_path)).train
    assert metrics["rows"] == len(targets.ids) == len(train) + 1


def test_unlabelled_texts_have_no_variants(teacher: Checkpoint, tmp_path: Path) -> None:
    """Users can add more of them; the room of `max_rows` is for variants of training texts."""
    pool = tmp_path / "pool.csv"
    pool.write_text("text\n" + "".join(f"unlabelled {n}\n" for n in range(100)))
    rows = len(data.load_benchmark(make_recipe(tmp_path)).train)
    augment = {"copies": 1, "mask": 1.0, "replace": 0.0, "max_rows": 2 * rows}
    targets, metrics = generate(
        make_recipe(tmp_path, unlabelled=pool, augment=augment), teacher, tmp_path / "answers"
    )
    assert targets.augmented is not None
    assert metrics["rows"] == rows + 100 + len(targets.augmented)
    assert not any("unlabelled" in text for text in targets.augmented.texts)
