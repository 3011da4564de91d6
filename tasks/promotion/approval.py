"""Request approval of a promotion: the flow run pauses until a form in the Prefect UI is sent."""

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
from tasks.tracking import registry, shadow_runs

_POLL_SECONDS = 5


class Approval(RunInput):
    """The form shown in the Prefect UI."""

    approve: Annotated[bool, Field(description="Make it the champion.")] = False
    reason: Annotated[str, Field(description="Why, in one line. It is recorded.")] = ""


def request_approval(reference: str, reason: str, seconds: int) -> str:
    """Pause the flow run until a person approves a promotion.

    A retry uses a new key: with the old one Prefect would return the first attempt's response.

    Args:
        reference: `name/version`.
        reason: The requester's reason for the promotion.
        seconds: Timeout.

    Returns:
        The approval and its reason, for the audit record.

    Raises:
        RefusedError: The promotion was not approved, or the request timed out.
    """
    page = _approval_page(reference, reason)
    create_markdown_artifact(page, key="promotion", description=f"Promote {reference}?")
    form = Approval.with_initial_data(description=page, approve=False, reason="")
    key = f"approval-{runtime.flow_run.run_count}"
    try:
        response = pause_flow_run(
            wait_for_input=form, timeout=seconds, poll_interval=min(seconds, _POLL_SECONDS), key=key
        )
    except FlowPauseTimeout as error:
        _resume()
        raise RefusedError(f"{reference}: nobody approved it within {seconds} s") from error
    comment = reasons.normalize(response.reason or "no reason given")
    if not response.approve:
        raise RefusedError(f"{reference}: not approved: {comment}")
    return f"approved in Prefect: {comment}"


def _resume() -> None:
    """Resume after a timeout, so that the flow can end as Refused instead of Failed."""
    with get_client(sync_client=True) as prefect:
        prefect.set_flow_run_state(UUID(str(runtime.flow_run.id)), Running(), force=True)


def _approval_page(reference: str, reason: str) -> str:
    """Return gate verdict, reason, comparisons and scorecard of a version as Markdown."""
    version = registry.resolve(reference)
    gate = promote.gate_objection(version) or f"{reference} passed its gate"
    question = f"# Make {reference} the champion?\n\n{gate}."
    shadows = shadow_runs.describe_shadows(
        str(version.name), str(version.version), version.tags.get("digest")
    )
    scorecard = version.description or "It has no scorecard."
    return "\n\n".join([question, _code_block(reason), *shadows, scorecard])


def _code_block(text: str) -> str:
    """Indent one line of user text as a code block, so that its markup is not rendered."""
    return f"    {text}"
