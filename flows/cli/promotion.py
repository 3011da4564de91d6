"""`coldpress promote` and `coldpress rollback`: check first, then run the flow."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from coldpress.errors import RefusedError
from tasks.environment import home
from tasks.promotion import audit, reasons, summary
from tasks.promotion import promote as promotion
from tasks.tracking import registry

if TYPE_CHECKING:
    from prefect import State

    from tasks.promotion.audit import Ticket


def promote(reference: str, reason: str, force: bool) -> str:
    """Promote a version.

    Args:
        reference: MODEL/VERSION or MODEL@alias.
        reason: Recorded.
        force: Pass over the gate.

    Returns:
        What became of it, in one line.

    Raises:
        InputError: Nothing was started.
        RefusedError: The gate refused.
    """
    why = reasons.normalize(reason)
    model, version = promotion.resolve_promotable(reference)
    if promotion.is_champion(model, version):
        return f"{model}/{version} is the champion already: nothing to do"

    def run() -> State[Any]:
        from flows.prefect_server import session
        from flows.promote import promote

        watched = promote.with_options(on_running=[session.restore_signal_handlers])
        return watched(f"{model}/{version}", why, force, return_state=True)

    return summary.summarize(_run_flow(model, run))


def rollback(model: str, reason: str) -> str:
    """Bring the previous champion back.

    Args:
        model: Registered name.
        reason: Recorded.

    Returns:
        What became of it, in one line.

    Raises:
        InputError: There is no previous.
        RefusedError: Its files are not intact.
    """
    why = reasons.normalize(reason)
    promotion.check_rollback(registry.require_bare_name(model))

    def run() -> State[Any]:
        from flows.prefect_server import session
        from flows.rollback import rollback

        watched = rollback.with_options(on_running=[session.restore_signal_handlers])
        return watched(model, why, return_state=True)

    return summary.summarize(_run_flow(model, run))


def _run_flow(model: str, run: Callable[[], State[Any]]) -> Ticket:
    """Run a flow. Prefect is first imported here; what it raised is raised, not logged.

    What came of it is read from the audit: a server that is asked twice, since its first answer
    came late, gives the state back without what the flow returned.
    """
    home.check_writable()
    home.configure_environment()
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    home.import_prefect()
    from flows.prefect_server import session

    with session.prefect_server():
        state = run()
        if state.name == "Refused":
            raise RefusedError(state.message)
        if not state.is_completed():
            state.result()
    return audit.find_by_flow_run(model, str(state.state_details.flow_run_id))
