"""Make a version that passed its gate the champion."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import State, flow
from prefect.states import Completed, Failed
from pydantic import Field

from coldpress.errors import RefusedError
from tasks.execution import requester
from tasks.promotion import approval, reasons, summary, version_identity
from tasks.promotion import promote as promotion
from tasks.promotion.audit import Request, Ticket

SECONDS_PER_DAY = 86_400


@flow(name="promote", flow_run_name="{model}", persist_result=False, result_serializer="json")
def promote(
    model: str,
    reason: Annotated[str, Field(min_length=1)],
    force: bool = False,
    ask: bool = False,
    seconds_to_answer: Annotated[int, Field(ge=1)] = SECONDS_PER_DAY,
) -> State[Any]:
    """Make a version the champion; the current champion becomes `previous`.

    Args:
        model: MODEL/VERSION or MODEL@alias, such as trec/3 or trec@challenger.
        reason: Why, in one line. It is recorded.
        force: Promote without a passed gate. This is recorded too.
        ask: Wait on this page until a person approves.
        seconds_to_answer: How long to wait for approval; then the promotion is refused.
    """
    name, version = promotion.resolve_promotable(model)
    request = Request(
        model=name,
        intent="promote",
        who=requester.requested_by(),
        why=reasons.normalize(reason),
        target=version,
        target_digest=version_identity.digest_of(name, version),
        forced=force,
        flow_run_id=requester.flow_run_id(),
    )
    try:
        ticket = _promote_with_approval(request, seconds_to_answer if ask else None)
    except RefusedError as error:
        return Failed(name="Refused", message=str(error), data=error)
    return Completed(message=summary.summarize(ticket), data=ticket)


def _promote_with_approval(request: Request, seconds_to_answer: int | None) -> Ticket:
    """Ask before queueing: other promotions must not wait while a person decides."""
    if seconds_to_answer is None:
        return promotion.promote(request)
    try:
        answer = approval.request_approval(
            f"{request.model}/{request.target}", request.why, seconds_to_answer
        )
    except RefusedError as error:
        promotion.record_refusal(request, str(error))
    return promotion.promote(request.model_copy(update={"approval": answer}))
