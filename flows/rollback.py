"""Roll back to the previous champion."""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed, Failed
from pydantic import Field

from coldpress.errors import RefusedError
from tasks.execution import requester
from tasks.promotion import promote, reasons, summary
from tasks.promotion.audit import Request, Ticket
from tasks.tracking import registry


@flow(name="rollback", flow_run_name="{model}", persist_result=False, result_serializer="json")
def rollback(model: str, reason: Annotated[str, Field(min_length=1)]) -> State[Ticket]:
    """Swap champion and previous.

    Args:
        model: Registered name, such as trec.
        reason: Why, in one line. It is recorded.
    """
    request = Request(
        model=registry.require_bare_name(model),
        intent="rollback",
        who=requester.requested_by(),
        why=reasons.normalize(reason),
        flow_run_id=requester.flow_run_id(),
    )
    try:
        ticket = promote.rollback(request)
    except RefusedError as error:
        return Failed(name="Refused", message=str(error), data=error)
    return Completed(message=summary.summarize(ticket), data=ticket)
