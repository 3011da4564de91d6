"""Bring the previous champion back."""

from __future__ import annotations

from prefect import State, flow
from prefect.states import Completed, Failed

from coldpress.errors import RefusedError
from flows import actors
from tasks import audit, promotion
from tasks.audit import Request, Ticket


@flow(name="rollback", flow_run_name="{model}", persist_result=False)
def rollback(model: str, reason: str) -> State[Ticket]:
    """Swap champion and previous.

    Args:
        model: Registered name, such as trec.
        reason: Why, in one line. It is recorded.
    """
    request = Request(
        model=model,
        intent="rollback",
        who=actors.who(),
        why=audit.one_line(reason),
        flow_run_id=actors.flow_run_id(),
    )
    try:
        return Completed(data=promotion.rollback(request))
    except RefusedError as error:
        return Failed(name="Refused", message=str(error), data=error)
