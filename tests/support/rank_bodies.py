"""Stage bodies for ranks in tests."""

from __future__ import annotations

import os
import signal
import sys

import torch

from coldpress import ranks
from coldpress.errors import DivergedError
from coldpress.recipe.recipe import Recipe
from tasks.execution.body_context import BodyContext


def section(recipe: Recipe) -> str:
    """Return the part of the recipe that these bodies depend on."""
    return recipe.name


def describes(context: BodyContext) -> dict[str, float]:
    """Return what a rank is and has imported, summed over the ranks."""
    print("a library prints something")  # noqa: T201
    context.progress(1, 2, 0.5)
    servers = {"prefect", "mlflow"} & sys.modules.keys()
    values = [1, ranks.rank_number(), len(servers), torch.get_num_threads()]
    sums = ranks.sum_in_place(torch.tensor(values)).tolist()
    return dict(zip(("ranks", "numbers", "servers", "threads"), sums, strict=True))


def diverges(context: BodyContext) -> dict[str, float]:
    """Fail on every rank, as training does."""
    raise DivergedError("training diverged: the loss is nan")


def has_a_bug(context: BodyContext) -> dict[str, float]:
    """Fail on the second rank; the first one waits for it."""
    if not ranks.is_first():
        raise KeyError("row-7")
    ranks.sum_in_place(torch.ones(1))
    return {}


def is_killed(context: BodyContext) -> dict[str, float]:
    """End the second rank as the system does when memory is short."""
    if not ranks.is_first():
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        ranks.sum_in_place(torch.ones(1))
