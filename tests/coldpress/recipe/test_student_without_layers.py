"""What a recipe cannot ask of a student without layers, in one line each."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from coldpress.recipe.recipe import Recipe
from tests.support.method_sections import PRUNING, name_of

each_method = pytest.mark.parametrize("method", ["static", "convolution"])


def recipe(
    method: str,
    kind: str = "text-classification",
    **sections: Any,  # noqa: ANN401
) -> Recipe:
    source = {"origin": "files", "train": "train.jsonl", "test": "test.jsonl"}
    if kind == "sentence-embedding":
        source = {"origin": "synthetic"}
    return Recipe.model_validate(
        {
            "name": "tiny",
            "benchmark": {"kind": kind, "source": source},
            "teacher": {"model": {"origin": "scratch"}},
            "distill": {"method": method},
            **sections,
        }
    )


@each_method
@pytest.mark.parametrize("kind", ["text-classification", "regression", "multi-label", "ranking"])
def test_kinds_with_one_output_vector_for_a_text_are_possible(kind: str, method: str) -> None:
    possible = recipe(method, kind)
    assert possible.recovery == possible.distill


@each_method
@pytest.mark.parametrize(
    ("kind", "outputs"),
    [("token-classification", "an output for every word"), ("sentence-embedding", "vectors")],
)
def test_other_kinds_are_refused(kind: str, outputs: str, method: str) -> None:
    message = (
        f"distill.method: {method} is not possible with benchmark.kind {kind}, whose models return"
        f" {outputs}"
    )
    with pytest.raises(ValidationError, match=message):
        recipe(method, kind)


@each_method
@pytest.mark.parametrize("step", PRUNING, ids=name_of)
def test_every_pruning_step_is_refused(step: dict[str, Any], method: str) -> None:
    message = rf"prune\.0\.method: {step['method']} is not possible with distill\.method {method}"
    with pytest.raises(ValidationError, match=message):
        recipe(method, prune=[step])


@each_method
def test_methods_that_compare_layers_are_refused(method: str) -> None:
    with pytest.raises(ValidationError, match=r"quantize\.method: binary is not possible"):
        recipe(method, quantize={"method": "binary"})
    with pytest.raises(ValidationError, match=r"quantize\.hidden_states: must be 0 with"):
        recipe(method, quantize={"method": "qat", "bits": 4})
    assert recipe(method, quantize={"method": "qat", "bits": 4, "hidden_states": 0.0}).quantize
