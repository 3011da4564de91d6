"""Bring the previous champion back."""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed, Failed
from pydantic import Field

from coldpress.errors import RefusedError
from flows import actors, telling
from tasks import promotion, reasons, registry
from tasks.audit import Request, Ticket


@flow(name="rollback", flow_run_name="{model}", persist_result=False, result_serializer="json")
def rollback(model: str, reason: Annotated[str, Field(min_length=1)]) -> State[Ticket]:
    """Swap champion and previous.

    Args:
        model: Registered name, such as trec.
        reason: Why, in one line. It is recorded.
    """
    request = Request(
        model=registry.name_alone(model),
        intent="rollback",
        who=actors.who(),
        why=reasons.one_line(reason),
        flow_run_id=actors.flow_run_id(),
    )
    try:
        done = promotion.rollback(request)
    except RefusedError as error:
        return Failed(name="Refused", message=str(error), data=error)
    return Completed(message=telling.told(done), data=done)
