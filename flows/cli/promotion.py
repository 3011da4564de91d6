"""`coldpress promote` and `coldpress rollback`: check the input, then run the flow."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from coldpress.errors import RefusedError
from flows.prefect_server import supervisor
from tasks.environment import home
from tasks.promotion import audit, reasons, summary, version_identity
from tasks.promotion import promote as promotion
from tasks.tracking import registry, shadow_runs

if TYPE_CHECKING:
    from prefect import State

    from tasks.promotion.audit import Ticket


def promote(reference: str, reason: str, force: bool) -> str:
    """Promote a version.

    Args:
        reference: MODEL/VERSION or MODEL@alias.
        reason: Why, in one line; recorded in the audit.
        force: Promote without a passed gate.

    Returns:
        How the version answered as a challenger, if it did, and the result in one line.

    Raises:
        InputError: The version cannot be promoted; nothing was started.
        RefusedError: The version did not pass its gate.
    """
    one_line_reason = reasons.normalize(reason)
    model, version = promotion.resolve_promotable(reference)
    if promotion.is_champion(model, version):
        return f"{model}/{version} is already the champion: nothing to do"

    def run() -> State[Any]:
        from flows.prefect_server import session
        from flows.promote import promote

        watched = promote.with_options(on_running=[session.restore_signal_handlers])
        return watched(f"{model}/{version}", one_line_reason, force, return_state=True)

    digest = version_identity.digest_of(model, version)
    shadows = shadow_runs.describe_shadows(model, version, digest)
    return "\n".join([*shadows, summary.summarize(_run_flow(model, run))])


def rollback(model: str, reason: str) -> str:
    """Bring the previous champion back.

    Args:
        model: Registered name.
        reason: Why, in one line; recorded in the audit.

    Returns:
        The result in one line.

    Raises:
        InputError: There is no previous champion.
        RefusedError: Its files are missing or were changed.
    """
    one_line_reason = reasons.normalize(reason)
    promotion.check_rollback(registry.require_bare_name(model))

    def run() -> State[Any]:
        from flows.prefect_server import session
        from flows.rollback import rollback

        watched = rollback.with_options(on_running=[session.restore_signal_handlers])
        return watched(model, one_line_reason, return_state=True)

    return summary.summarize(_run_flow(model, run))


def _run_flow(model: str, run: Callable[[], State[Any]]) -> Ticket:
    """Run a flow and return its audit record. Prefect is first imported here.

    The record is read from the audit, not from the flow's state: when a client retries a late
    request, the server returns the state without the flow's result.
    """
    home.check_writable()
    home.configure_environment()
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    with supervisor.embedded_server() as server:
        home.import_prefect()
        from flows.prefect_server import session

        with session.prefect_server(server):
            state = run()
            if state.name == "Refused":
                raise RefusedError(state.message)
            if not state.is_completed():
                state.result()
    return audit.find_by_flow_run(model, str(state.state_details.flow_run_id))
