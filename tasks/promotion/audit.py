"""Audit records of a model's alias moves, which are also the tickets of a queue.

Each move is a version of the registered model `<name>-audit`. MLflow never assigns a version number
twice, so the numbers order the queue. A record outlives the model version that was moved.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Literal

from mlflow.entities.model_registry import ModelVersion
from pydantic import BaseModel, ConfigDict

from coldpress.errors import InputError
from tasks.environment import processes
from tasks.tracking import references, registry, runs, versions
from tasks.tracking.retry import retry_on_conflict

AUDIT_SUFFIX = references.AUDIT_SUFFIX
_IS_OPEN = "tags.`state` = 'open'"

Intent = Literal["promote", "rollback", "watch", "hand", "revert", "restore", "collect"]
State = Literal["open", "done", "refused", "expired"]


class Request(BaseModel):
    """A requested move of a model's aliases.

    Attributes:
        model: Registered name.
        intent: The kind of move.
        who: The requester, as far as known.
        why: The reason, in one line.
        target: The version to promote, if the intent needs one.
        target_digest: Its digest, since the number may belong to another version by the time the
            lease is acquired.
        forced: True to ignore the gate.
        flow_run_id: Id of the Prefect flow run.
        approval: The approver's comment, if approval was requested.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    intent: Intent
    who: str
    why: str
    target: str | None = None
    target_digest: str | None = None
    forced: bool = False
    flow_run_id: str | None = None
    approval: str | None = None


class Ticket(BaseModel):
    """One audit record: first a place in the queue, then the outcome of the move.

    Attributes:
        model: Registered name of the model whose aliases are moved.
        number: Position in the queue; the lowest open number holds the lease.
        tags: Tags of the record.
        created: Creation time by the registry's clock, in milliseconds.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    number: int
    tags: dict[str, str]
    created: int = 0

    @property
    def state(self) -> str:
        """`open`, `done`, `refused`, or `expired` (its holder died before moving anything)."""
        return self.tags.get("state", "open")

    @property
    def has_plan(self) -> bool:
        """True once the plan is committed: from then on the move will be completed."""
        return "to" in self.tags

    @property
    def moved_from(self) -> str | None:
        """The champion before."""
        return self.tags.get("from")

    @property
    def moved_to(self) -> str | None:
        """The champion after."""
        return self.tags.get("to")

    @property
    def previous(self) -> str | None:
        """The version that `previous` points to after the move; None if unchanged."""
        return self.tags.get("previous")


def timestamp() -> str:
    """Return the current time as stored in records: UTC, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def enqueue(request: Request) -> Ticket:
    """Create an open ticket at the end of the queue.

    Args:
        request: The requested move of an existing model.
    """
    name = request.model + AUDIT_SUFFIX
    source = _any_version_uri(request)
    registry.ensure_registered_model(name)
    tags = _request_tags(request)

    def create() -> ModelVersion:
        return runs.client().create_model_version(name, source, tags=tags, await_creation_for=0)

    ticket = _to_ticket(request.model, retry_on_conflict(create))
    _close_duplicates(ticket)
    return ticket


def _close_duplicates(ticket: Ticket) -> None:
    """Close a second ticket that a retried request created: nobody holds it."""
    when = ticket.tags["when"]
    process = ticket.tags["process"]
    same_request = f"{_IS_OPEN} AND tags.`when` = '{when}' AND tags.`process` = '{process}'"
    for duplicate in _search_tickets(ticket.model, same_request):
        if duplicate.number != ticket.number:
            outcome = "Created twice: the response to the first request was lost"
            close_ticket(duplicate, "expired", {"outcome": outcome})


def _any_version_uri(request: Request) -> str:
    """Return any version as the source of a record, since MLflow requires one."""
    if request.target:
        return f"models:/{request.model}/{request.target}"
    names = (request.model, request.model + AUDIT_SUFFIX)
    newest = versions.newest_version(runs.client(), names)
    if newest is None:
        raise InputError(f"model: no {request.model} in the registry")
    return f"models:/{newest.name}/{newest.version}"


def _request_tags(request: Request) -> dict[str, str]:
    fields = request.model_dump(exclude={"model", "forced"})
    return {
        **{name: value for name, value in fields.items() if value is not None},
        "forced": str(request.forced).lower(),
        "when": timestamp(),
        "process": processes.current_process_identity(),
        "heartbeat": timestamp(),
        "state": "open",
    }


def reload_ticket(ticket: Ticket) -> Ticket:
    """Read a ticket's current state."""
    name = ticket.model + AUDIT_SUFFIX
    number = str(ticket.number)
    version = retry_on_conflict(lambda: runs.client().get_model_version(name, number))
    return _to_ticket(ticket.model, version)


def write_tags(ticket: Ticket, tags: dict[str, str]) -> Ticket:
    """Write tags of a ticket one by one, in order, since MLflow cannot set several at once.

    Args:
        ticket: The ticket to update.
        tags: The last one may rely on the others being present.

    Returns:
        The updated ticket.
    """
    name = ticket.model + AUDIT_SUFFIX
    number = str(ticket.number)
    for key, value in tags.items():
        retry_on_conflict(partial(runs.client().set_model_version_tag, name, number, key, value))
    return ticket.model_copy(update={"tags": {**ticket.tags, **tags}})


def close_ticket(ticket: Ticket, state: State, notes: dict[str, str] | None = None) -> Ticket:
    """Close a ticket, so that the next one in the queue can proceed.

    Args:
        ticket: An open ticket.
        state: The outcome.
        notes: Further tags, written first.

    Returns:
        The updated ticket.
    """
    return write_tags(ticket, {**(notes or {}), "closed": timestamp(), "state": state})


def front(model: str) -> Ticket | None:
    """Return the open ticket at the front of the queue."""
    return _first_ticket(model, _IS_OPEN, "ASC")


def open_tickets(model: str) -> list[Ticket]:
    """Return the open tickets of a model, the lowest number first."""
    return _search_tickets(model, _IS_OPEN)


def all_tickets(model: str) -> list[Ticket]:
    """Return all audit records of a model, the lowest number first."""
    return _search_tickets(model, "")


def last_move(model: str) -> Ticket | None:
    """Return the latest completed move of a model's aliases, if any."""
    completed = "tags.`state` = 'done' AND tags.`intent` != 'collect'"
    return _first_ticket(model, completed, "DESC")


def find_by_flow_run(model: str, flow_run_id: str) -> Ticket:
    """Return the ticket that a flow run created."""
    of_flow_run = f"tags.`flow_run_id` = '{flow_run_id}'"
    ticket = _first_ticket(model, of_flow_run, "DESC")
    if ticket is None:
        raise RuntimeError(f"flow run {flow_run_id} created no audit record of {model}")
    return ticket


def _search_tickets(model: str, condition: str) -> list[Ticket]:
    name = model + AUDIT_SUFFIX
    order = ["version_number ASC"]
    records = versions.list_versions(runs.client(), name, condition, order)
    return [_to_ticket(model, version) for version in records]


def _first_ticket(model: str, condition: str, order: Literal["ASC", "DESC"]) -> Ticket | None:
    name = model + AUDIT_SUFFIX
    order_by = [f"version_number {order}"]
    records = versions.list_versions(runs.client(), name, condition, order_by, limit=1)
    return _to_ticket(model, records[0]) if records else None


def _to_ticket(model: str, version: ModelVersion) -> Ticket:
    return Ticket(
        model=model,
        number=int(version.version),
        tags=dict(version.tags),
        created=int(version.creation_timestamp),
    )
