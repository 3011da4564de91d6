"""Make a version that passed its gate the champion."""

from __future__ import annotations

from prefect import State, flow
from prefect.states import Completed, Failed

from coldpress.errors import RefusedError
from flows import actors
from tasks import audit, promotion
from tasks.audit import Request, Ticket


@flow(name="promote", flow_run_name="{model}", persist_result=False)
def promote(model: str, reason: str, force: bool = False) -> State[Ticket]:
    """Make a version the champion; the champion until now becomes `previous`.

    Args:
        model: MODEL/VERSION or MODEL@alias, such as trec/3 or trec@challenger.
        reason: Why, in one line. It is recorded.
        force: Pass over the gate. This is recorded too.
    """
    name, version = promotion.promotable(model)
    request = Request(
        model=name,
        intent="promote",
        who=actors.who(),
        why=audit.one_line(reason),
        target=version,
        forced=force,
        flow_run_id=actors.flow_run_id(),
    )
    try:
        return Completed(data=promotion.promote(request))
    except RefusedError as error:
        return Failed(name="Refused", message=str(error), data=error)
