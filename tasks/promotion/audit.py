"""The audit of a model: each move is a version of `<name>-audit`, and its number is its ticket.

MLflow counts versions up and never gives a number twice, so the numbers are a queue. The record
stays when the version that was moved is deleted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Literal

from mlflow.entities.model_registry import ModelVersion
from pydantic import BaseModel, ConfigDict

from coldpress.errors import InputError
from tasks.environment import processes
from tasks.tracking import registry, runs, versions
from tasks.tracking.retry import retry_on_conflict

AUDIT_SUFFIX = registry.AUDIT_SUFFIX
_IS_OPEN = "tags.`state` = 'open'"

Intent = Literal["promote", "rollback", "watch", "hand", "revert", "restore", "collect"]
State = Literal["open", "done", "refused", "expired"]


class Request(BaseModel):
    """What somebody wants done with a model's aliases.

    Attributes:
        model: Registered name.
        intent: The kind of move.
        who: Who asked, as far as anybody can tell.
        why: One line.
        target: The version that is to be champion, where the intent alone does not say.
        target_digest: Its digest: the number may be another version's when the turn has come.
        forced: Whether the gate is to be passed over.
        flow_run_id: Prefect's.
        approval: What the person said who was asked, where one was.
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
    """One record of the audit: a place in the queue first, then what became of it.

    Attributes:
        model: Registered name of the model that is moved.
        number: Tickets are served in this order.
        tags: What is written on it.
        created: When it was drawn by the registry's own clock, in milliseconds.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    number: int
    tags: dict[str, str]
    created: int = 0

    @property
    def state(self) -> str:
        """Open, done, refused, or expired: its holder died before it moved anything."""
        return self.tags.get("state", "open")

    @property
    def planned(self) -> bool:
        """Whether what is to be moved has been written down: from then on it is completed."""
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
        """What `previous` names after; None leaves it as it is."""
        return self.tags.get("previous")


def timestamp() -> str:
    """Return the time as records have it: UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def enqueue(request: Request) -> Ticket:
    """Take the next number.

    Args:
        request: What is wanted; the model exists.

    Returns:
        An open ticket.
    """
    name, source = request.model + AUDIT_SUFFIX, _any_version_uri(request)
    registry.ensure_registered_model(name)
    tags = _request_tags(request)

    def create() -> ModelVersion:
        return runs.client().create_model_version(name, source, tags=tags, await_creation_for=0)

    drawn = _to_ticket(request.model, retry_on_conflict(create))
    _close_duplicates(drawn)
    return drawn


def _close_duplicates(drawn: Ticket) -> None:
    """A call whose answer was lost is repeated, and may have drawn two: nobody holds the other."""
    told = drawn.tags
    same = f"{_IS_OPEN} AND tags.`when` = '{told['when']}' AND tags.`process` = '{told['process']}'"
    for other in _search_tickets(drawn.model, same):
        if other.number != drawn.number:
            close_ticket(other, "expired", {"outcome": "Drawn twice: the first answer was lost"})


def _any_version_uri(request: Request) -> str:
    """Any version will do, since one cannot be created of nothing; the model may have none left."""
    if request.target:
        return f"models:/{request.model}/{request.target}"
    names = (request.model, request.model + AUDIT_SUFFIX)
    newest = versions.newest_version(runs.client(), names)
    if newest is None:
        raise InputError(f"model: no {request.model} in the registry")
    return f"models:/{newest.name}/{newest.version}"


def _request_tags(request: Request) -> dict[str, str]:
    known = request.model_dump(exclude={"model", "forced"})
    return {
        **{name: value for name, value in known.items() if value is not None},
        "forced": str(request.forced).lower(),
        "when": timestamp(),
        "process": processes.current_process_identity(),
        "heartbeat": timestamp(),
        "state": "open",
    }


def reload_ticket(ticket: Ticket) -> Ticket:
    """Read a ticket again, as it is now."""
    name, number = ticket.model + AUDIT_SUFFIX, str(ticket.number)
    version = retry_on_conflict(lambda: runs.client().get_model_version(name, number))
    return _to_ticket(ticket.model, version)


def write_tags(ticket: Ticket, tags: dict[str, str]) -> Ticket:
    """Write tags on a ticket one by one, in the order given: MLflow has no call for several.

    Args:
        ticket: Where to.
        tags: The last of them may depend on the others being there.

    Returns:
        The ticket with them.
    """
    name, number = ticket.model + AUDIT_SUFFIX, str(ticket.number)
    for key, value in tags.items():
        retry_on_conflict(partial(runs.client().set_model_version_tag, name, number, key, value))
    return ticket.model_copy(update={"tags": {**ticket.tags, **tags}})


def close_ticket(ticket: Ticket, state: State, notes: dict[str, str] | None = None) -> Ticket:
    """End a ticket: whoever waits for it goes on.

    Args:
        ticket: An open one.
        state: What became of it.
        notes: Further tags, written before.

    Returns:
        The ticket as it is then.
    """
    return write_tags(ticket, {**(notes or {}), "closed": timestamp(), "state": state})


def front(model: str) -> Ticket | None:
    """Return the open ticket with the lowest number."""
    return _first_ticket(model, _IS_OPEN, "ASC")


def open_tickets(model: str) -> list[Ticket]:
    """Return the queue of a model, the lowest number first."""
    return _search_tickets(model, _IS_OPEN)


def all_tickets(model: str) -> list[Ticket]:
    """Return the whole audit of a model, the lowest number first."""
    return _search_tickets(model, "")


def last_move(model: str) -> Ticket | None:
    """Return the move that explains a model's aliases, if there was one."""
    done = "tags.`state` = 'done' AND tags.`intent` != 'collect'"
    return _first_ticket(model, done, "DESC")


def find_by_flow_run(model: str, flow_run_id: str) -> Ticket:
    """Return what a flow run drew."""
    drawn = f"tags.`flow_run_id` = '{flow_run_id}'"
    found = _first_ticket(model, drawn, "DESC")
    if found is None:
        raise RuntimeError(f"flow run {flow_run_id} has drawn no ticket of {model}")
    return found


def _search_tickets(model: str, condition: str) -> list[Ticket]:
    name, order = model + AUDIT_SUFFIX, ["version_number ASC"]
    found = versions.list_versions(runs.client(), name, condition, order)
    return [_to_ticket(model, version) for version in found]


def _first_ticket(model: str, condition: str, order: Literal["ASC", "DESC"]) -> Ticket | None:
    client, by = runs.client(), [f"version_number {order}"]
    found = versions.list_versions(client, model + AUDIT_SUFFIX, condition, by, limit=1)
    return _to_ticket(model, found[0]) if found else None


def _to_ticket(model: str, version: ModelVersion) -> Ticket:
    return Ticket(
        model=model,
        number=int(version.version),
        tags=dict(version.tags),
        created=int(version.creation_timestamp),
    )
