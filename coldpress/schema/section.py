"""Base class of recipe sections, and their JSON schema for Prefect's form.

The Prefect UI renders a recipe's JSON schema as a form. Pydantic's own schema breaks or reads badly
in that form (docs/recipes.md), so it is reshaped here; validation does not change.
"""

from collections.abc import Collection, Iterable, Mapping
from inspect import get_annotations
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from coldpress.schema import paths

# Titles of the tabs of an optional value; Prefect would show `float`, `str`, `list`.
_TAB_TITLES = {
    "integer": "number",
    "number": "number",
    "string": "text",
    "array": "list",
    "null": "none",
}


def _adapt_form_schema(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Adapt a section's schema to the form: own fields first, titled like the recipe's keys."""
    fields = schema.get("properties", {})
    own = [name for name in get_annotations(model) if name in fields]
    for position, name in enumerate(dict.fromkeys([*own, *fields])):
        # Prefect sorts by position; PostgreSQL does not keep the order of keys.
        fields[name] |= {"title": name.replace("_", " ").capitalize(), "position": position}
        _set_tab_titles(fields[name].get("anyOf", []))
        if "const" in fields[name]:
            # Without an enum the form shows an editable text box; without a default it is empty
            # after switching tabs.
            schema["title"] = tag = fields[name].pop("const")
            fields[name] |= {"enum": [tag], "default": tag}


def _set_tab_titles(variants: list[dict[str, Any]]) -> None:
    for variant in variants:
        if variant.get("type") in _TAB_TITLES:
            variant["title"] = variant.get("format", _TAB_TITLES[variant["type"]])


class Section(BaseModel):
    """A frozen part of a recipe; unknown keys and values of another type are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        # Otherwise `epochs: true` would mean one epoch.
        strict=True,
        json_schema_extra=_adapt_form_schema,
        allow_inf_nan=False,
        # A field whose name is a Python keyword has an alias: recipes are written as they are read.
        serialize_by_alias=True,
    )


UserPath = Annotated[Path, Strict(False), AfterValidator(paths.validate_path)]
"""A path, written as text in YAML and JSON; `~` is expanded."""


class FlatChoice:
    """Annotation that turns the schema of a union into one flat ``anyOf`` for the form.

    Use it as the outermost annotation: ``Annotated[A | B | None, FlatChoice()]``. If the
    discriminator stayed, switching tabs in the form would carry over the first variant's fields.
    """

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the union's schema with all variants in one ``anyOf``."""
        schema = handler(core_schema)
        variants = list(_variants(schema))
        rest = {k: v for k, v in schema.items() if k not in {"oneOf", "anyOf", "discriminator"}}
        return rest if variants == [schema] else {**rest, "anyOf": variants}


def _variants(schema: JsonSchemaValue) -> list[JsonSchemaValue]:
    nested = schema.get("oneOf") or schema.get("anyOf")
    if nested is None:
        return [schema]
    return [variant for member in nested for variant in _variants(member)]


class MergedChoice:
    """Annotation that turns the schema of a union into one object for the form.

    Use it for variants that differ in few fields: a field that they have in common becomes a choice
    where its schemas differ. As tabs, the form could not tell such variants apart by their fields.

    The form sends the fields of all variants, also those of a section in a field that they have in
    common, and those that are empty as null. In validation, null is therefore dropped where it is
    the default.
    """

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the union's schema, validated without the empty fields."""
        variants = get_args(source)
        empty = _null_by_default(variants)
        nested = {name: _null_by_default(members) for name, members in _nested(variants).items()}

        def drop_empty_fields(value: object) -> object:
            if not isinstance(value, Mapping):
                return value
            kept = _drop_null(value, empty)
            return {name: _drop_null(kept[name], nested.get(name, ())) for name in kept}

        return no_info_before_validator_function(drop_empty_fields, handler(source))

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return one object schema with the fields of all variants."""
        schema = handler(core_schema)
        variants = [handler.resolve_ref_schema(variant) for variant in _variants(schema)]
        names = dict.fromkeys(name for variant in variants for name in variant["properties"])
        fields = [[v["properties"][n] for v in variants if n in v["properties"]] for n in names]
        return {
            **variants[0],
            "title": schema.get("title", variants[0]["title"]),
            "description": schema.get("description", variants[0].get("description", "")),
            "properties": dict(zip(names, map(_merge_fields, fields), strict=True)),
            "required": [n for n in names if all(n in v.get("required", []) for v in variants)],
        }


def _null_by_default(sections: Iterable[type[BaseModel]]) -> set[str]:
    """Return the fields whose default is null in every section that has them."""
    fields = [field for section in sections for field in section.model_fields.items()]
    return {name for name, _ in fields} - {name for name, f in fields if f.default is not None}


def _nested(sections: Iterable[type[BaseModel]]) -> dict[str, list[type[BaseModel]]]:
    """Return the fields that contain a section, and in which sections of any variant."""
    members: dict[str, list[type[BaseModel]]] = {}
    for section in sections:
        for name, field in section.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                members.setdefault(name, []).append(field.annotation)
    return members


def _drop_null(value: Any, names: Collection[str]) -> Any:  # noqa: ANN401
    """Return a mapping without these names where they are null; other values as they are."""
    if not isinstance(value, Mapping):
        return value
    return {name: v for name, v in value.items() if v is not None or name not in names}


def _merge_fields(schemas: list[JsonSchemaValue]) -> JsonSchemaValue:
    """Merge the schemas of one field: equal ones are one, tags are an enum, others a choice."""
    contents = [{key: v for key, v in s.items() if key != "position"} for s in schemas]
    distinct = [s for n, s in enumerate(schemas) if contents[n] not in contents[:n]]
    if len(distinct) == 1:
        return distinct[0]
    shared: JsonSchemaValue = {
        key: distinct[0][key] for key in ("title", "position") if key in distinct[0]
    }
    if all("enum" in schema for schema in distinct):
        tags = [tag for schema in distinct for tag in schema["enum"]]
        return {**shared, "type": "string", "enum": tags}
    return {**shared, "anyOf": [{"$ref": s["$ref"]} if "$ref" in s else s for s in distinct]}


Epochs = Annotated[int, Field(ge=0, le=1000, description="Passes over the training split.")]
LearningRate = Annotated[
    float, Field(ge=1e-7, le=1.0, description="Peak learning rate of AdamW, after warm-up.")
]


class Optimization(Section):
    """Training settings, shared by the teacher, the student and the retraining after pruning."""

    epochs: Epochs
    learning_rate: LearningRate
    batch_size: Annotated[int, Field(ge=1, le=4096, description="Examples per step.")] = 32
    min_epoch_steps: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            description="Least steps of an epoch: with fewer batches, it passes over the rows"
            " several times.",
        ),
    ] = 1
    dropout: Annotated[
        float | None,
        Field(
            ge=0,
            le=0.9,
            description="Rate of every dropout in training; none: those of the model's"
            " configuration.",
        ),
        FlatChoice(),
    ] = None
    freeze_embeddings: Annotated[
        bool,
        Field(description="Do not train the embedding tables: faster, and rarely worse."),
    ] = True
