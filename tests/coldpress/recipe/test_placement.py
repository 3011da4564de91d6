"""Section `placement`: work pools of stages, and what it refuses."""

from __future__ import annotations

import pytest

from coldpress.errors import InputError
from coldpress.recipe.loading import load_recipe
from coldpress.recipe.placement import placed_stages, stage_pools

PLACED = ("placement.train_teacher=gpu", "placement.evaluate=[x86, arm]")


def test_a_recipe_places_single_stages() -> None:
    recipe = load_recipe("demo", PLACED)
    assert stage_pools(recipe, "train_teacher") == ("gpu",)
    assert stage_pools(recipe, "prune") == ()
    assert stage_pools(recipe, "evaluate") == ("x86", "arm")
    assert list(placed_stages(recipe)) == [
        ("train_teacher", "gpu"),
        ("evaluate", "x86"),
        ("evaluate", "arm"),
    ]


def test_no_shipped_default_places_anything() -> None:
    assert list(placed_stages(load_recipe("demo"))) == []


def test_one_pool_may_evaluate_without_a_list() -> None:
    assert stage_pools(load_recipe("demo", ["placement.evaluate=arm"]), "evaluate") == ("arm",)


@pytest.mark.parametrize(
    ("stage", "change"),
    [
        ("distill_student", "distill=null"),
        ("prune", "prune=null"),
        ("prune", "prune=[]"),
        ("quantize", "quantize=null"),
        ("export_onnx", "export=null"),
    ],
)
def test_a_stage_that_the_recipe_skips_is_nowhere(stage: str, change: str) -> None:
    placed = f"placement.{stage}=gpu"
    assert list(placed_stages(load_recipe("demo", [placed]))) == [(stage, "gpu")]
    changes = [placed, change, "gate.min_speedup=null"]
    assert list(placed_stages(load_recipe("demo", changes))) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("placement.prunes=gpu", "placement.prunes: unknown key"),
        ("placement.prune=a/b", "placement.prune: string should match pattern"),
        ("placement.prune=[gpu]", "placement.prune: input should be a valid string"),
        ("placement.evaluate=[arm, arm]", "placement: evaluate: a pool is named twice"),
        ("placement.evaluate=[]", "placement.evaluate"),
    ],
)
def test_a_mistake_is_named_by_its_field(change: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        load_recipe("demo", [change])
    assert message in str(raised.value)
