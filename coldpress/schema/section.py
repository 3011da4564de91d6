"""What every section of a recipe shares, and how a choice of methods is shown as a form.

A recipe's JSON schema is also the form that the Prefect UI draws. What pydantic emits by itself
breaks or reads badly in that form (docs/recipes.md), so it is reshaped here; validation is
untouched.
"""

from inspect import get_annotations
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, Strict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from coldpress.schema import paths

# What the tabs of an optional value are called; Prefect would say `float`, `str`, `list`.
_TAB_TITLES = {
    "integer": "number",
    "number": "number",
    "string": "text",
    "array": "list",
    "null": "none",
}


def _adapt_form_schema(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Make a form of a section's schema: its own fields first, each called what a recipe says."""
    fields = schema.get("properties", {})
    own = [name for name in get_annotations(model) if name in fields]
    for place, name in enumerate(dict.fromkeys([*own, *fields])):
        # Prefect sorts by position; PostgreSQL does not keep the order of keys.
        fields[name] |= {"title": name.replace("_", " ").capitalize(), "position": place}
        _set_tab_titles(fields[name].get("anyOf", []))
        if "const" in fields[name]:
            # An editable text box in the form unless it is an enum; and empty in a tab that one
            # changes to, unless there is a default.
            schema["title"] = tag = fields[name].pop("const")
            fields[name] |= {"enum": [tag], "default": tag}


def _set_tab_titles(variants: list[dict[str, Any]]) -> None:
    for variant in variants:
        if variant.get("type") in _TAB_TITLES:
            variant["title"] = variant.get("format", _TAB_TITLES[variant["type"]])


class Section(BaseModel):
    """A frozen part of a recipe that refuses keys it does not know and values of another type."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        # Otherwise `epochs: true` is one epoch.
        strict=True,
        json_schema_extra=_adapt_form_schema,
        allow_inf_nan=False,
    )


UserPath = Annotated[Path, Strict(False), AfterValidator(paths.validate_path)]
"""A path, as YAML and JSON write it: as text, perhaps with a `~`."""


class FlatChoice:
    """Shows a discriminated, possibly optional union to the form as one flat ``anyOf``.

    Use it as the outermost annotation: ``Annotated[A | B | None, FlatChoice()]``. With the
    discriminator left in, switching a tab in the form leaks the fields of the first variant.
    """

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of the union with its variants side by side."""
        schema = handler(core_schema)
        variants = list(_variants(schema))
        kept = {k: v for k, v in schema.items() if k not in {"oneOf", "anyOf", "discriminator"}}
        return kept if variants == [schema] else {**kept, "anyOf": variants}


def _variants(schema: JsonSchemaValue) -> list[JsonSchemaValue]:
    nested = schema.get("oneOf") or schema.get("anyOf")
    if nested is None:
        return [schema]
    return [variant for member in nested for variant in _variants(member)]


Epochs = Annotated[int, Field(ge=0, le=1000, description="Passes over the training split.")]
LearningRate = Annotated[
    float, Field(ge=1e-7, le=1.0, description="Peak learning rate of AdamW, after warm-up.")
]


class Optimization(Section):
    """How a model is fitted: the same four numbers for the teacher, the student and recovery."""

    epochs: Epochs
    learning_rate: LearningRate
    batch_size: Annotated[int, Field(ge=1, le=4096, description="Examples per step.")] = 32
    freeze_embeddings: Annotated[
        bool,
        Field(description="Leave the embedding tables as they are: faster, and rarely worse."),
    ] = True
