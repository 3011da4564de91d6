"""`coldpress gc`: list or delete the files of old versions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from coldpress.errors import InputError
from flows.prefect_server import supervisor
from tasks.environment import home
from tasks.promotion import retention

if TYPE_CHECKING:
    from tasks.promotion.stored_files import StoredFiles


def collect(keep: int, dry_run: bool) -> Table:
    """Delete the files of old versions.

    Args:
        keep: Number of newest versions of each model whose files are always kept.
        dry_run: List only; Prefect is not started.

    Returns:
        A table of every version with files: why they are kept, or that they were removed.

    Raises:
        InputError: `keep` is negative.
    """
    if keep < 0:
        raise InputError(f"--keep: {keep} is less than 0")
    versions = [] if home.is_unused() else retention.plan_collection(keep)
    if dry_run or all(version.kept for version in versions):
        return _table(versions, "would be removed" if dry_run else "removed")
    return _table(_run_flow(keep), "removed")


def _run_flow(keep: int) -> list[StoredFiles]:
    home.check_writable()
    home.configure_environment()
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    with supervisor.embedded_server() as server:
        home.import_prefect()
        from flows.collect_garbage import collect_garbage
        from flows.prefect_server import session

        with session.prefect_server(server):
            return collect_garbage.with_options(on_running=[session.restore_signal_handlers])(keep)


def _table(versions: Sequence[StoredFiles], removal: str) -> Table:
    table = Table("version", "size", "status", box=None)
    for version in versions:
        size = f"{version.bytes / 1e6:.2f} MB"
        table.add_row(escape(version.name), size, escape(version.kept or removal))
    freed = {version.uri: version.bytes for version in versions if version.kept is None}
    table.caption = f"{sum(freed.values()) / 1e6:.2f} MB {removal}"
    return table
