"""Every key that transformers knows for a family stands in a table, with what it means here."""

from __future__ import annotations

import dataclasses

import pytest
from transformers import CONFIG_MAPPING

from coldpress.model.architecture import ARCHITECTURES
from coldpress.teacher.config_keys import (
    EFFECTIVE_KEYS,
    FAMILY_DEFAULTS,
    IGNORED_KEYS,
    REQUIRED_VALUES,
)

FAMILIES = sorted(ARCHITECTURES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_version_of_transformers_with_a_new_key_is_noticed(family: str) -> None:
    known = {field.name for field in dataclasses.fields(CONFIG_MAPPING[family])}
    assert known - EFFECTIVE_KEYS.keys() - REQUIRED_VALUES.keys() - IGNORED_KEYS.keys() == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_defaults_are_those_of_transformers(family: str) -> None:
    config = CONFIG_MAPPING[family]()
    assert {name: getattr(config, name) for name in FAMILY_DEFAULTS[family]} == FAMILY_DEFAULTS[
        family
    ]


def test_a_key_stands_in_one_table() -> None:
    assert EFFECTIVE_KEYS.keys() & REQUIRED_VALUES.keys() == set()
    assert (EFFECTIVE_KEYS.keys() | REQUIRED_VALUES.keys()) & IGNORED_KEYS.keys() == set()
