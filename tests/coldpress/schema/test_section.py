"""Sections refuse unknown keys; unions are flat in the form and strict in validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from coldpress.schema.section import FlatChoice, MergedChoice, Section, UserPath


class Cold(Section):
    method: Literal["cold"]
    degrees: Annotated[float, Field(ge=0.0, le=27.0)] = 20.0


class Warm(Section):
    method: Literal["warm"]
    hours: int = 1


Method = Annotated[Cold | Warm, Field(discriminator="method")]
NONE = {"type": "null", "title": "none"}


class Stone(Section):
    place: UserPath
    spare: UserPath | None


class Mill(Section):
    steps: list[Annotated[Method, FlatChoice()]]
    press: Annotated[Method | None, FlatChoice()] = None
    single: Annotated[Cold | None, FlatChoice()] = None
    grain_size: int | None = None
    note: str | None = None


class Slow(Cold):
    hours: int
    degrees: float = 10.0
    patience: Stone


def properties(model: type[Section]) -> dict[str, Any]:
    fields: dict[str, Any] = model.model_json_schema()["properties"]
    return fields


def test_a_section_refuses_an_unknown_key() -> None:
    with pytest.raises(ValidationError, match="degree\n"):
        Cold.model_validate({"method": "cold", "degree": 20})


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_section_refuses_numbers_that_are_not_finite(number: str) -> None:
    with pytest.raises(ValidationError, match="finite"):
        Cold(method="cold", degrees=float(number))


@pytest.mark.parametrize("degrees", [True, "20", None])
def test_a_number_must_not_be_a_boolean_text_or_null(degrees: object) -> None:
    for whole in ({"method": "cold", "degrees": degrees}, {"method": "warm", "hours": degrees}):
        with pytest.raises(ValidationError, match=r"should be a valid (number|integer)"):
            Mill.model_validate({"steps": [whole]})


def test_a_whole_number_is_a_number() -> None:
    cold = Cold.model_validate({"method": "cold", "degrees": 5})
    assert (cold.degrees, type(cold.degrees)) == (5.0, float)


def test_a_path_is_written_as_text_in_yaml_and_in_json() -> None:
    stone = Stone(place=Path("a/b"), spare=None)
    assert Stone.model_validate({"place": "a/b", "spare": None}) == stone
    assert Stone.model_validate_json('{"place": "a/b", "spare": null}') == stone
    with pytest.raises(ValidationError, match="not a valid path"):
        Stone.model_validate({"place": 3, "spare": None})


def test_an_invalid_path_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"spare\n.*File name too long"):
        Stone.model_validate({"place": "a", "spare": "a" * 5000})


def test_a_section_is_frozen() -> None:
    cold = Cold(method="cold")
    with pytest.raises(ValidationError, match="frozen"):
        cold.degrees = 5.0  # type: ignore[misc]


def test_an_optional_choice_is_one_flat_list_of_variants() -> None:
    refs = [{"$ref": "#/$defs/Cold"}, {"$ref": "#/$defs/Warm"}]
    assert properties(Mill)["press"]["anyOf"] == [*refs, NONE]


def test_a_choice_inside_a_list_is_flat() -> None:
    refs = [{"$ref": "#/$defs/Cold"}, {"$ref": "#/$defs/Warm"}]
    assert properties(Mill)["steps"]["items"] == {"anyOf": refs}


def test_a_choice_of_one_method_is_still_a_choice_when_it_may_be_empty() -> None:
    assert properties(Mill)["single"]["anyOf"] == [{"$ref": "#/$defs/Cold"}, NONE]


def test_a_tag_is_required_and_has_one_value_which_is_the_default() -> None:
    schema = Cold.model_json_schema()
    assert schema["properties"]["method"] == {
        "default": "cold",
        "enum": ["cold"],
        "title": "Method",
        "position": 0,
        "type": "string",
    }
    assert schema["required"] == ["method"]


def test_the_title_of_a_variant_is_its_tag() -> None:
    titles = {name: schema["title"] for name, schema in Mill.model_json_schema()["$defs"].items()}
    assert titles == {"Cold": "cold", "Warm": "warm"}


def test_the_tabs_of_an_optional_value_have_plain_titles() -> None:
    fields = properties(Mill)
    assert [tab["title"] for tab in fields["grain_size"]["anyOf"]] == ["number", "none"]
    assert [tab["title"] for tab in fields["note"]["anyOf"]] == ["text", "none"]
    assert [tab["title"] for tab in properties(Stone)["spare"]["anyOf"]] == ["path", "none"]


def test_the_title_of_every_field_is_its_name() -> None:
    names = {name: field["title"] for name, field in properties(Mill).items()}
    assert names.pop("grain_size") == "Grain size"
    assert names == {name: name.capitalize() for name in names}
    assert properties(Slow)["patience"]["title"] == "Patience"


def test_own_fields_come_before_inherited_ones() -> None:
    """Ordered by position: the database behind the form may not keep the order of keys."""
    fields = properties(Slow)
    by_position = sorted(fields, key=lambda name: fields[name]["position"])
    assert by_position == ["hours", "degrees", "patience", "method"]


def test_the_flat_form_is_still_validated_by_its_tag() -> None:
    mill = Mill.model_validate({"press": {"method": "warm", "hours": 3}, "steps": []})
    assert mill.press == Warm(method="warm", hours=3)
    with pytest.raises(ValidationError, match="hours"):
        Mill.model_validate({"press": {"method": "cold", "hours": 3}, "steps": []})


class Cube(Section):
    edge: float = 1.0
    corner: str | None = None


class Cloud(Section):
    edge: float | None = None
    layer: int | None = None


class Ice(Section):
    kind: Literal["ice"]
    shape: Cube = Cube()
    place: Annotated[Cold | None, FlatChoice()] = None
    grams: int = 5
    slow: bool = True
    taste: str | None = None


class Steam(Section):
    kind: Literal["steam"]
    shape: Cloud = Cloud()
    place: Annotated[Warm | None, FlatChoice()] = None
    grams: int = 5
    bars: float


class Water(Section):
    state: Annotated[
        Annotated[Ice | Steam, Field(discriminator="kind", description="Its state.")],
        MergedChoice(),
    ]


def test_merged_variants_are_one_object_with_the_fields_of_all() -> None:
    state = properties(Water)["state"]
    assert (state["type"], state["title"], state["description"]) == (
        "object",
        "State",
        "Its state.",
    )
    assert list(state["properties"]) == [
        "kind",
        "shape",
        "place",
        "grams",
        "slow",
        "taste",
        "bars",
    ]
    assert state["properties"]["kind"]["enum"] == ["ice", "steam"]
    assert state["required"] == ["kind"]
    assert state["properties"]["grams"]["type"] == "integer"
    assert len(state["properties"]["place"]["anyOf"]) == 2


def test_an_empty_field_of_another_variant_is_dropped() -> None:
    """The form sends null for it; a value is still refused."""
    fields = {"kind": "steam", "bars": 1.0, "taste": None}
    assert isinstance(Water.model_validate({"state": fields}).state, Steam)
    with pytest.raises(ValidationError, match="taste"):
        Water.model_validate({"state": {**fields, "taste": "salty"}})
    with pytest.raises(ValidationError, match="bars"):
        Water.model_validate({"state": {**fields, "bars": None}})


def test_empty_fields_of_nested_sections_of_another_variant_are_dropped() -> None:
    """`corner` is null by default where it exists; `edge` is not null in each variant."""
    fields = {"kind": "steam", "bars": 1.0, "shape": {"corner": None, "layer": 2}}
    state = Water.model_validate({"state": fields}).state
    assert state.shape == Cloud(layer=2)
    with pytest.raises(ValidationError, match="corner"):
        Water.model_validate({"state": {**fields, "shape": {"corner": "round"}}})
    with pytest.raises(ValidationError, match="edge"):
        Water.model_validate({"state": {"kind": "ice", "shape": {"edge": None}}})


def test_merged_variants_are_told_apart_in_validation() -> None:
    assert isinstance(Water.model_validate({"state": {"kind": "ice"}}).state, Ice)
    with pytest.raises(ValidationError, match="bars"):
        Water.model_validate({"state": {"kind": "steam"}})
    with pytest.raises(ValidationError, match="bars"):
        Water.model_validate({"state": {"kind": "ice", "bars": 1.0}})
