"""How a model was made, in the words of the recipe's own sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from coldpress.data.sources import FilesSource, HubSource
from coldpress.recipe.recipe import Recipe
from coldpress.schema.section import Section


def describe_steps(recipe: Recipe) -> list[tuple[str, str]]:
    """Say what each stage did, and with which numbers.

    Args:
        recipe: What made the model.

    Returns:
        The name of a step and what it did; stages that the recipe leaves out are left out.
    """
    teacher = recipe.teacher
    said = [
        (
            "Teacher",
            _describe_section(teacher.model, teacher.model_dump(mode="json", exclude={"model"})),
        )
    ]
    if recipe.distill is not None:
        said.append((f"Distillation, {recipe.distill.method}", _describe_section(recipe.distill)))
    said += [(f"Pruning, {step.method}", _describe_section(step)) for step in recipe.prune or ()]
    if recipe.quantize is not None:
        said.append((f"Quantization, {recipe.quantize.method}", _describe_section(recipe.quantize)))
    said.append(("Export", f"One ONNX file, operator set {recipe.export.opset}."))
    return said


def _describe_section(section: Section, also: Mapping[str, Any] | None = None) -> str:
    """The first line of what a section says of itself, then its numbers."""
    about = (type(section).__doc__ or "").strip().partition("\n")[0]
    fields = section.model_dump(mode="json", exclude={"method", "origin"}) | dict(also or {})
    numbers = ", ".join(f"{name} {_format_value(value)}" for name, value in _flatten(fields))
    return f"{about} {numbers[:1].upper()}{numbers[1:]}." if numbers else about


def _flatten(fields: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from ((f"{name} {inner}", deep) for inner, deep in _flatten(value))
        elif value is not None:
            yield name.replace("_", " "), value


def _format_value(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def describe_data(recipe: Recipe) -> str:
    """Say where the rows come from, without naming a place on some machine.

    Args:
        recipe: What made the model.

    Returns:
        One sentence.
    """
    source = recipe.benchmark.source
    if isinstance(source, HubSource):
        config = f", configuration {source.config}" if source.config else ""
        return f"{source.dataset} on the Hugging Face hub{config}, revision {source.revision}."
    if isinstance(source, FilesSource):
        return f"Local files: {source.train.name} for training, {source.test.name} for test."
    return "Coldpress's built-in intents: generated sentences of imaginary customers."
