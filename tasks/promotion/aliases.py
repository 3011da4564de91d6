"""The aliases of a model, and the only code that moves `champion` and `previous`."""

from __future__ import annotations

from collections.abc import Callable

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from pydantic import BaseModel, ConfigDict

from coldpress.errors import RefusedError
from tasks.promotion import audit, version_identity
from tasks.promotion.audit import Ticket
from tasks.tracking import runs, versions
from tasks.tracking.retry import retry_on_conflict


class Aliases(BaseModel):
    """Which version each alias names, of those that are still there.

    Attributes:
        champion: The one in service.
        previous: The one that a rollback brings back.
        challenger: The latest that passed its gate.
        foreign: Which of these versions others than Coldpress registered.
        dangling: Aliases that name a version which was deleted, as in `champion 3`.
    """

    model_config = ConfigDict(frozen=True)

    champion: str | None = None
    previous: str | None = None
    challenger: str | None = None
    foreign: frozenset[str] = frozenset()
    dangling: tuple[str, ...] = ()

    def own(self, version: str | None) -> str | None:
        """Return a version, or None where others registered it."""
        return None if version in self.foreign else version


_ALIAS_NAMES = ("champion", "previous", "challenger")


class AliasChange(BaseModel):
    """The end state of a move.

    Attributes:
        champion: Version.
        previous: Version; None leaves the alias as it is.
        before: The champion before, if there was one.
        notes: What else the audit should say.
    """

    model_config = ConfigDict(frozen=True)

    champion: str
    previous: str | None = None
    before: str | None = None
    notes: dict[str, str] = {}

    def tags(self) -> dict[str, str]:
        """Return it as a ticket carries it; `to` is the last to be written, and seals it."""
        known = {"from": self.before, "previous": self.previous, "to": self.champion}
        return {**self.notes, **{k: v for k, v in known.items() if v is not None}}


def change_tags(model: str, plan: AliasChange) -> dict[str, str]:
    """Return a plan as a ticket carries it, each version with its digest beside its number.

    Args:
        model: Registered name.
        plan: The end state.

    Returns:
        Tags, in the order in which they are to be written.
    """
    return {
        **version_identity.identity_tags("from", model, plan.before),
        **version_identity.identity_tags("previous", model, plan.previous),
        **version_identity.identity_tags("to", model, plan.champion),
        **plan.tags(),
    }


def read_aliases(model: str) -> Aliases:
    """Read a model's aliases in one call, so that they are of one moment.

    Some versions of MLflow leave the alias of a version that is deleted, so each is looked up.

    Args:
        model: Registered name.

    Returns:
        None for each that names nothing, or what is not there any more.
    """
    try:
        known = retry_on_conflict(lambda: runs.client().get_registered_model(model)).aliases
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return Aliases()
        raise
    named = {alias: str(known[alias]) for alias in _ALIAS_NAMES if alias in known}
    there = {number: version_identity.find_version(model, number) for number in set(named.values())}
    foreign = {n for n, version in there.items() if version and not versions.is_own(version)}
    dangling = tuple(f"{alias} {n}" for alias, n in named.items() if there[n] is None)
    present = {alias: number for alias, number in named.items() if there[number]}
    return Aliases(**present, foreign=frozenset(foreign), dangling=dangling)


def apply_change(ticket: Ticket, before_each: Callable[[], None] = lambda: None) -> None:
    """Bring about what a ticket plans. Once or twice is the same, so it can be completed.

    Each alias is replaced in one write, and neither is ever taken away: killed before, between or
    after, there is a champion. A `previous` that was deleted since the plan was written is left
    out, and the ticket says so.

    Args:
        ticket: Its plan is written.
        before_each: Raises where the turn is lost.

    Raises:
        RefusedError: The version was deleted since; nothing was moved, and the ticket is closed.
    """
    before_each()
    if not _set_alias(ticket.model, "champion", ticket.moved_to or ""):
        gone = f"{ticket.model}/{ticket.moved_to} was deleted in MLflow before it became champion"
        audit.close_ticket(ticket, "refused", {"outcome": gone})
        raise RefusedError(gone)
    if ticket.previous is not None:
        before_each()
        there = version_identity.number_in_role(ticket, "previous")
        if there is None or not _set_alias(ticket.model, "previous", there):
            audit.write_tags(ticket, {"left_out": f"previous {ticket.previous}: it was deleted"})


def _set_alias(model: str, alias: str, version: str) -> bool:
    """Let an alias name a version; False where that was deleted."""
    try:
        retry_on_conflict(lambda: runs.client().set_registered_model_alias(model, alias, version))
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return False
        raise
    return True


def recover(left: Ticket, by: Ticket) -> None:
    """Complete what a dead holder had planned; what it had not planned did not begin.

    A champion that is neither the one before nor the one after was moved by hand since: it stays.

    Args:
        left: The dead holder's ticket.
        by: That of whoever follows.
    """
    repaired = {"repaired_by": str(by.number)}
    if not left.planned:
        audit.close_ticket(left, "expired", repaired)
        return
    champion = read_aliases(left.model).champion
    before, after = (
        version_identity.number_in_role(left, "from"),
        version_identity.number_in_role(left, "to"),
    )
    if champion not in {before, after, None} or after is None:
        audit.close_ticket(left, "expired", {**repaired, "found": f"champion {champion}"})
        return
    apply_change(left)
    audit.close_ticket(left, "done", repaired)
