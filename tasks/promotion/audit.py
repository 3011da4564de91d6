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
from tasks.tracking.retry import insist

ENDING = registry.AUDIT
_OPEN = "tags.`state` = 'open'"

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


def now() -> str:
    """Return the time as records have it: UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def draw(request: Request) -> Ticket:
    """Take the next number.

    Args:
        request: What is wanted; the model exists.

    Returns:
        An open ticket.
    """
    name, source = request.model + ENDING, _source(request)
    registry.ensure_name(name)
    tags = _tags(request)

    def create() -> ModelVersion:
        return runs.client().create_model_version(name, source, tags=tags, await_creation_for=0)

    drawn = _ticket(request.model, insist(create))
    _close_repeated(drawn)
    return drawn


def _close_repeated(drawn: Ticket) -> None:
    """A call whose answer was lost is repeated, and may have drawn two: nobody holds the other."""
    told = drawn.tags
    same = f"{_OPEN} AND tags.`when` = '{told['when']}' AND tags.`process` = '{told['process']}'"
    for other in _search(drawn.model, same):
        if other.number != drawn.number:
            close(other, "expired", {"outcome": "Drawn twice: the first answer was lost"})


def _source(request: Request) -> str:
    """Any version will do, since one cannot be created of nothing; the model may have none left."""
    if request.target:
        return f"models:/{request.model}/{request.target}"
    names = (request.model, request.model + ENDING)
    newest = versions.newest(runs.client(), names)
    if newest is None:
        raise InputError(f"model: no {request.model} in the registry")
    return f"models:/{newest.name}/{newest.version}"


def _tags(request: Request) -> dict[str, str]:
    known = request.model_dump(exclude={"model", "forced"})
    return {
        **{name: value for name, value in known.items() if value is not None},
        "forced": str(request.forced).lower(),
        "when": now(),
        "process": processes.this_process(),
        "heartbeat": now(),
        "state": "open",
    }


def read(ticket: Ticket) -> Ticket:
    """Read a ticket again, as it is now."""
    name, number = ticket.model + ENDING, str(ticket.number)
    version = insist(lambda: runs.client().get_model_version(name, number))
    return _ticket(ticket.model, version)


def write(ticket: Ticket, tags: dict[str, str]) -> Ticket:
    """Write tags on a ticket one by one, in the order given: MLflow has no call for several.

    Args:
        ticket: Where to.
        tags: The last of them may depend on the others being there.

    Returns:
        The ticket with them.
    """
    name, number = ticket.model + ENDING, str(ticket.number)
    for key, value in tags.items():
        insist(partial(runs.client().set_model_version_tag, name, number, key, value))
    return ticket.model_copy(update={"tags": {**ticket.tags, **tags}})


def close(ticket: Ticket, state: State, notes: dict[str, str] | None = None) -> Ticket:
    """End a ticket: whoever waits for it goes on.

    Args:
        ticket: An open one.
        state: What became of it.
        notes: Further tags, written before.

    Returns:
        The ticket as it is then.
    """
    return write(ticket, {**(notes or {}), "closed": now(), "state": state})


def head(model: str) -> Ticket | None:
    """Return the open ticket with the lowest number."""
    return _first(model, _OPEN, "ASC")


def open_tickets(model: str) -> list[Ticket]:
    """Return the queue of a model, the lowest number first."""
    return _search(model, _OPEN)


def tickets(model: str) -> list[Ticket]:
    """Return the whole audit of a model, the lowest number first."""
    return _search(model, "")


def last_move(model: str) -> Ticket | None:
    """Return the move that explains a model's aliases, if there was one."""
    done = "tags.`state` = 'done' AND tags.`intent` != 'collect'"
    return _first(model, done, "DESC")


def of_flow_run(model: str, flow_run_id: str) -> Ticket:
    """Return what a flow run drew."""
    drawn = f"tags.`flow_run_id` = '{flow_run_id}'"
    found = _first(model, drawn, "DESC")
    if found is None:
        raise RuntimeError(f"flow run {flow_run_id} has drawn no ticket of {model}")
    return found


def _search(model: str, condition: str) -> list[Ticket]:
    name, order = model + ENDING, ["version_number ASC"]
    found = versions.of_model(runs.client(), name, condition, order)
    return [_ticket(model, version) for version in found]


def _first(model: str, condition: str, order: Literal["ASC", "DESC"]) -> Ticket | None:
    client, by = runs.client(), [f"version_number {order}"]
    found = versions.of_model(client, model + ENDING, condition, by, limit=1)
    return _ticket(model, found[0]) if found else None


def _ticket(model: str, version: ModelVersion) -> Ticket:
    return Ticket(
        model=model,
        number=int(version.version),
        tags=dict(version.tags),
        created=int(version.creation_timestamp),
    )
