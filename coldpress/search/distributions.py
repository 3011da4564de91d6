"""Values of a recipe's field as Optuna's distributions."""

from __future__ import annotations

import json
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from coldpress.recipe.search_space import Range


def to_distribution(values: list[Any] | Range) -> BaseDistribution:
    """Return Optuna's form of a field's values.

    Args:
        values: Choices, which become JSON, since some are mappings; or a range.
    """
    if not isinstance(values, Range):
        return CategoricalDistribution([json.dumps(value, sort_keys=True) for value in values])
    if values.is_integer:
        step = 1 if values.step is None else int(values.step)
        return IntDistribution(int(values.low), int(values.high), values.log, step)
    return FloatDistribution(values.low, values.high, values.log, values.step)
