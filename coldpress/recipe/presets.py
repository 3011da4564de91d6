"""Presets: sections that a recipe need not write out. Their values are in `preset_values`."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Literal

import yaml

from coldpress.recipe.preset_values import CONVOLUTION, PRESETS

if TYPE_CHECKING:
    from coldpress.recipe.recipe import Recipe

PresetName = Literal["accurate", "fast", "tiny"]


def fill_in_preset(content: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the sections of a recipe's preset that the recipe itself does not have.

    A section that is null counts as omitted, since the form sends null for it. A section without a
    method changes fields of the preset's section; one with a method, or a list, replaces it.
    Filling in a second time changes nothing.

    Args:
        content: The recipe's plain data, not validated; not changed.

    Returns:
        The data with these sections; unchanged without a preset, or with an unknown one.
    """
    name = content.get("preset")
    sections = dict(PRESETS.get(name, {})) if isinstance(name, str) else {}
    if _has_translations(content) or _is_external(content):
        # The teacher does not know the words of translations, so it has no variants of them. If
        # only outputs of a teacher are used, there is no table of tokens to make variants of.
        sections.pop("soft_targets", None)
    if name == "tiny" and _fits_convolution(content):
        sections["distill"] = CONVOLUTION
    if _is_without_layers(content.get("distill")) or sections.get("distill") is CONVOLUTION:
        # There is nothing to prune.
        sections.pop("prune", None)
    filled = {field: _fill_in(values, content.get(field)) for field, values in sections.items()}
    return {**content, **filled}


def describe_preset(recipe: Recipe) -> dict[str, str]:
    """Return a recipe's preset, and the methods that it has with it.

    Args:
        recipe: With its sections filled in.

    Returns:
        By field, in YAML without default values; empty if the recipe has no preset.
    """
    if recipe.preset is None:
        return {}
    sections = _method_first(recipe.model_dump(mode="json", exclude_defaults=True))
    names = ("preset", "soft_targets", "distill", "prune", "quantize")
    return {name: _write_line(sections[name]) for name in names if name in sections}


def _method_first(value: Any) -> Any:  # noqa: ANN401
    """Put the method before its settings; pydantic puts inherited fields before it."""
    if isinstance(value, list):
        return [_method_first(entry) for entry in value]
    if not isinstance(value, Mapping):
        return value
    names = sorted(value, key=lambda name: name != "method")
    return {name: _method_first(value[name]) for name in names}


def _write_line(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"))
    return text.removesuffix("...\n").strip()


def _has_translations(content: Mapping[str, Any]) -> bool:
    benchmark = content.get("benchmark")
    columns = benchmark.get("columns") if isinstance(benchmark, Mapping) else None
    return isinstance(columns, Mapping) and columns.get("translations") is not None


def _is_external(content: Mapping[str, Any]) -> bool:
    teacher = content.get("teacher")
    return isinstance(teacher, Mapping) and "origin" in teacher


def _is_without_layers(distill: object) -> bool:
    return isinstance(distill, Mapping) and distill.get("method") in ("static", "convolution")


def _fits_convolution(content: Mapping[str, Any]) -> bool:
    """Return whether a recipe classifies single texts, and says nothing that needs layers.

    That is a method, sizes of the student, also as values that a search tries, or pruning.
    """
    benchmark, distill = content.get("benchmark"), content.get("distill") or {}
    if not isinstance(benchmark, Mapping) or not isinstance(distill, Mapping):
        return False
    columns = benchmark.get("columns") or {}
    has_pairs = isinstance(columns, Mapping) and columns.get("text_pair") is not None
    if benchmark.get("kind") != "text-classification" or has_pairs or _is_external(content):
        return False
    search = content.get("search") or {}
    tried = any(str(field).startswith("distill.student.") for field in search)
    return not (distill.get("method") or distill.get("student") or content.get("prune") or tried)


def _fill_in(values: Any, section: Any) -> Any:  # noqa: ANN401
    """Return a section with the preset's values for the fields that it does not have."""
    if section is None:
        return deepcopy(values)
    if not isinstance(section, Mapping) or not isinstance(values, Mapping) or "method" in section:
        return section
    fields = {name: _fill_in(value, section.get(name)) for name, value in values.items()}
    return {**section, **fields}
