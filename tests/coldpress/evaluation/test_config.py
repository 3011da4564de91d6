"""The `evaluate` section of a recipe."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from coldpress.evaluation import Cost, Evaluate


def test_the_default_is_one_text_on_one_thread() -> None:
    latency = Evaluate().latency
    assert (latency.batch, latency.threads, latency.rounds) == (1, 1, 300)


def test_a_price_is_stated_or_the_usual_one() -> None:
    assert Evaluate().cost.price_per_core_hour == 0.04
    assert Evaluate.model_validate({"cost": {"price_per_core_hour": 0}}).cost == Cost(
        price_per_core_hour=0.0
    )
    with pytest.raises(ValidationError, match=r"cost\.price_per_core_hour"):
        Evaluate.model_validate({"cost": {"price_per_core_hour": -0.01}})


def test_too_few_rounds_are_refused_by_name() -> None:
    with pytest.raises(ValidationError, match=r"latency\.rounds"):
        Evaluate.model_validate({"latency": {"rounds": 59}})


def test_a_recipe_is_checked_without_what_evaluation_needs() -> None:
    heavy = "{'torch', 'scipy', 'sklearn', 'matplotlib'}"
    code = f"import sys, coldpress.evaluation; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
