"""Prefect work pools on which stages of a recipe are placed: do they exist, does a worker run."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from coldpress.errors import InputError
from coldpress.recipe.placement import placed_stages
from tasks.environment import credentials, home

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from coldpress.recipe.recipe import Recipe


def check_work_pools(recipe: Recipe) -> None:
    """Check that a worker is online for every stage that the recipe places on a work pool.

    Args:
        recipe: Any recipe; one without `placement` needs no server.

    Raises:
        InputError: There is no Prefect server, or a pool cannot run the stage.
    """
    stages_by_pool = {pool: stage for stage, pool in placed_stages(recipe)}
    if not stages_by_pool:
        return
    if not os.environ.get(credentials.PREFECT_VARIABLE):
        raise InputError(
            f"placement: no Prefect server, whose workers could run {stages_by_pool.popitem()[1]};"
            f" start one with `coldpress up`, or set {credentials.PREFECT_VARIABLE}"
        )
    if "prefect" not in sys.modules:
        home.import_prefect()
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as prefect:
        for pool, stage in stages_by_pool.items():
            reason = find_obstacle(prefect, pool)
            if reason is not None:
                raise InputError(f"placement.{stage}: {reason}")


def find_obstacle(prefect: SyncPrefectClient, pool: str) -> str | None:
    """Return why a work pool cannot start runs now; None if it can.

    Args:
        prefect: A client of the server.
        pool: Name of the pool.

    Returns:
        A sentence without a full stop. Prefect counts a worker as offline when it has missed three
        heartbeats, which it sends every 30 seconds.
    """
    from prefect.client.schemas.objects import WorkPoolStatus
    from prefect.exceptions import ObjectNotFound

    try:
        work_pool = prefect.read_work_pool(pool)
    except ObjectNotFound:
        return f"there is no work pool {pool!r}; {_start_hint(pool)}"
    if work_pool.is_paused:
        return f"the work pool {pool!r} is paused; `prefect work-pool resume {pool}` ends that"
    if work_pool.is_push_pool or work_pool.is_managed_pool:
        return None  # no workers: the server submits its runs
    if work_pool.status == WorkPoolStatus.READY:
        return None
    return f"no worker of the work pool {pool!r} is online; {_start_hint(pool)}"


def _start_hint(pool: str) -> str:
    return f"`prefect worker start --pool {pool} --type process` starts one on its machine"
