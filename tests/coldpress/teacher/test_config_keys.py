"""Every configuration key of a supported family is in one of the tables."""

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
def test_every_key_of_transformers_is_in_a_table(family: str) -> None:
    keys = {field.name for field in dataclasses.fields(CONFIG_MAPPING[family])}
    assert keys - EFFECTIVE_KEYS.keys() - REQUIRED_VALUES.keys() - IGNORED_KEYS.keys() == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_defaults_are_those_of_transformers(family: str) -> None:
    config = CONFIG_MAPPING[family]()
    assert {name: getattr(config, name) for name in FAMILY_DEFAULTS[family]} == FAMILY_DEFAULTS[
        family
    ]


def test_a_key_is_in_one_table() -> None:
    assert EFFECTIVE_KEYS.keys() & REQUIRED_VALUES.keys() == set()
    assert (EFFECTIVE_KEYS.keys() | REQUIRED_VALUES.keys()) & IGNORED_KEYS.keys() == set()
