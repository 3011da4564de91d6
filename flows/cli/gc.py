"""`coldpress gc`: show what may go, or let it go."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from coldpress.errors import InputError
from tasks.environment import home
from tasks.promotion import retention

if TYPE_CHECKING:
    from tasks.promotion.retention import StoredFiles


def collect(keep: int, dry_run: bool) -> Table:
    """Delete the files that may go.

    Args:
        keep: How many of the newest versions of each model stay in any case.
        dry_run: Only look; Prefect is not started.

    Returns:
        Every version that had files, and what became of them.

    Raises:
        InputError: `keep` is negative.
    """
    if keep < 0:
        raise InputError(f"--keep: {keep} is less than 0")
    found = [] if home.is_unused() else retention.plan_collection(keep)
    if dry_run or all(holding.kept for holding in found):
        return _table(found, "would go" if dry_run else "removed")
    return _table(_run_flow(keep), "removed")


def _run_flow(keep: int) -> list[StoredFiles]:
    home.check_writable()
    home.configure_environment()
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    home.import_prefect()
    from flows.collect_garbage import collect_garbage
    from flows.prefect_server import session

    with session.prefect_server():
        return collect_garbage.with_options(on_running=[session.restore_signal_handlers])(keep)


def _table(found: Sequence[StoredFiles], gone: str) -> Table:
    table = Table("version", "size", "what becomes of it", box=None)
    for holding in found:
        size = f"{holding.bytes / 1e6:.2f} MB"
        table.add_row(escape(holding.name), size, escape(holding.kept or gone))
    freed = {holding.uri: holding.bytes for holding in found if holding.kept is None}
    table.caption = f"{sum(freed.values()) / 1e6:.2f} MB {gone}"
    return table
