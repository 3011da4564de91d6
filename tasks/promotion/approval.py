"""Ask a person: the flow run waits in the Prefect UI until somebody has filled in a form."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from prefect import runtime
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.states import Running
from pydantic import Field

from coldpress.errors import RefusedError
from tasks.promotion import promote, reasons
from tasks.tracking import registry

_POLL_SECONDS = 5


class Approval(RunInput):
    """What a person says who was asked."""

    approve: Annotated[bool, Field(description="Make it the champion.")] = False
    reason: Annotated[str, Field(description="Why, in one line. It is recorded.")] = ""


def request_approval(reference: str, reason: str, seconds: int) -> str:
    """Wait for a person to approve of a promotion.

    A retry asks again under a key of its own: Prefect would answer for the first time's.

    Args:
        reference: `name/version`.
        reason: What the promotion was started with.
        seconds: How long to wait.

    Returns:
        What the person said, for the record.

    Raises:
        RefusedError: The person said no, or nobody answered in time.
    """
    page = _approval_page(reference, reason)
    create_markdown_artifact(page, key="promotion", description=f"Promote {reference}?")
    form = Approval.with_initial_data(description=page, approve=False, reason="")
    key = f"approval-{runtime.flow_run.run_count}"
    try:
        answer = pause_flow_run(
            wait_for_input=form, timeout=seconds, poll_interval=min(seconds, _POLL_SECONDS), key=key
        )
    except FlowPauseTimeout as error:
        _resume()
        raise RefusedError(f"{reference}: nobody approved of it within {seconds} s") from error
    said = reasons.normalize(answer.reason or "no reason given")
    if not answer.approve:
        raise RefusedError(f"{reference}: not approved: {said}")
    return f"approved in Prefect: {said}"


def _resume() -> None:
    """Let this run say itself what became of it: a pause that ran out may only fail otherwise."""
    with get_client(sync_client=True) as prefect:
        prefect.set_flow_run_state(UUID(str(runtime.flow_run.id)), Running(), force=True)


def _approval_page(reference: str, reason: str) -> str:
    """What the gate said of the version; its description has the checks as a table."""
    version = registry.resolve(reference)
    gate = promote.gate_objection(version) or f"{reference} passed its gate"
    asked = f"# Make {reference} the champion?\n\n{gate}."
    return "\n\n".join([asked, _code_block(reason), version.description or "It has no scorecard."])


def _code_block(text: str) -> str:
    """What a person wrote, as a block that no markup in it can leave."""
    return f"    {text}"
