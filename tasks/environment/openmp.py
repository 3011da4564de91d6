"""Settings of OpenMP, which torch's threads use."""

from __future__ import annotations

import os


def wait_policy() -> dict[str, str]:
    """Return the variable for how OpenMP threads wait, unless the environment sets one.

    On an idle machine a short spin makes training a seventh faster than sleeping; on a busy one it
    takes the cores from the threads that are waited for (docs/log.md, 2026-11-24).
    """
    if {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        return {}
    idle = os.getloadavg()[0] < (os.cpu_count() or 1) / 2
    return {"GOMP_SPINCOUNT": "2000"} if idle else {"OMP_WAIT_POLICY": "passive"}
