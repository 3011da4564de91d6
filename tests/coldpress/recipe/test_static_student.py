"""What a recipe cannot ask of a static student, in one line each."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from coldpress.recipe.recipe import Recipe
from tests.support.method_sections import PRUNING, name_of

STATIC = {"method": "static"}


def recipe(kind: str = "text-classification", **sections: Any) -> Recipe:  # noqa: ANN401
    source = {"origin": "files", "train": "train.jsonl", "test": "test.jsonl"}
    if kind == "sentence-embedding":
        source = {"origin": "synthetic"}
    return Recipe.model_validate(
        {
            "name": "tiny",
            "benchmark": {"kind": kind, "source": source},
            "teacher": {"model": {"origin": "scratch"}},
            "distill": STATIC,
            **sections,
        }
    )


@pytest.mark.parametrize("kind", ["text-classification", "regression", "multi-label", "ranking"])
def test_kinds_with_one_output_vector_for_a_text_are_possible(kind: str) -> None:
    static = recipe(kind)
    assert static.recovery == static.distill


@pytest.mark.parametrize(
    ("kind", "outputs"),
    [("token-classification", "an output for every word"), ("sentence-embedding", "vectors")],
)
def test_other_kinds_are_refused(kind: str, outputs: str) -> None:
    message = (
        f"distill.method: static is not possible with benchmark.kind {kind}, whose models return"
        f" {outputs}"
    )
    with pytest.raises(ValidationError, match=message):
        recipe(kind)


@pytest.mark.parametrize("step", PRUNING, ids=name_of)
def test_every_pruning_step_is_refused(step: dict[str, Any]) -> None:
    message = rf"prune\.0\.method: {step['method']} is not possible with distill\.method static"
    with pytest.raises(ValidationError, match=message):
        recipe(prune=[step])


def test_methods_that_compare_layers_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"quantize\.method: binary is not possible"):
        recipe(quantize={"method": "binary"})
    with pytest.raises(ValidationError, match=r"quantize\.hidden_states: must be 0 with"):
        recipe(quantize={"method": "qat", "bits": 4})
    assert recipe(quantize={"method": "qat", "bits": 4, "hidden_states": 0.0}).quantize
