"""Description of the method, from the docstrings of the recipe's sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from coldpress.data.sources import FilesSource, HubSource
from coldpress.recipe.recipe import Recipe
from coldpress.schema.section import Section
from coldpress.teacher.answers.section import AnswersTeacher
from coldpress.teacher.section import ExternalTeacher
from coldpress.teacher.spec import Teacher


def describe_steps(recipe: Recipe) -> list[tuple[str, str]]:
    """Describe each stage of a recipe with its settings.

    Returns:
        Name and description of every stage that the recipe contains.
    """
    steps = [("Teacher", _describe_teacher(recipe.teacher))]
    if recipe.distill is not None:
        steps.append((f"Distillation, {recipe.distill.method}", _describe_section(recipe.distill)))
    steps += [(f"Pruning, {step.method}", _describe_section(step)) for step in recipe.prune or ()]
    if recipe.quantize is not None:
        steps.append(
            (f"Quantization, {recipe.quantize.method}", _describe_section(recipe.quantize))
        )
    if recipe.export is not None:
        steps.append(("Export", f"One ONNX file, operator set {recipe.export.opset}."))
    return steps


def _describe_teacher(teacher: Teacher | ExternalTeacher) -> str:
    """Describe a model with its training, or files of answers without local paths."""
    if isinstance(teacher, AnswersTeacher):
        names = ", ".join(path.name for _, path in teacher.files)
        return f"{_summary(teacher)} Files: {names}. Values: {teacher.values}."
    return _describe_section(teacher.model, teacher.model_dump(mode="json", exclude={"model"}))


def _summary(section: Section) -> str:
    return (type(section).__doc__ or "").strip().partition("\n")[0]


def _describe_section(section: Section, also: Mapping[str, Any] | None = None) -> str:
    """Return the first line of a section's docstring, then its settings."""
    summary = _summary(section)
    fields = section.model_dump(mode="json", exclude={"method"}) | dict(also or {})
    numbers = ", ".join(f"{name} {_format_value(value)}" for name, value in _flatten(fields))
    return f"{summary} {numbers[:1].upper()}{numbers[1:]}." if numbers else summary


def _flatten(fields: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from ((f"{name} {inner}", deep) for inner, deep in _flatten(value))
        elif value is not None and name != "origin":
            yield name.replace("_", " "), value


def _format_value(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def describe_data(recipe: Recipe) -> str:
    """Describe the source of the rows in one sentence, without local paths."""
    source = recipe.benchmark.source
    if isinstance(source, HubSource):
        config = f", configuration {source.config}" if source.config else ""
        return f"{source.dataset} on the Hugging Face hub{config}, revision {source.revision}."
    if isinstance(source, FilesSource):
        if source.test is None:
            return f"Local files: {source.train.name} for training, a judge's files for test."
        return f"Local files: {source.train.name} for training, {source.test.name} for test."
    return "Coldpress's built-in intents: generated sentences of imaginary customers."
