"""Read a model's aliases, and move `champion` and `previous` as an audit ticket has planned."""

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
    """The existing version that each alias points to.

    Attributes:
        champion: The version in service.
        previous: The version that a rollback restores.
        challenger: The latest version that passed its gate.
        foreign: Those of these versions that another tool registered.
        dangling: Aliases that point to a deleted version, as in `champion 3`.
    """

    model_config = ConfigDict(frozen=True)

    champion: str | None = None
    previous: str | None = None
    challenger: str | None = None
    foreign: frozenset[str] = frozenset()
    dangling: tuple[str, ...] = ()

    def own(self, version: str | None) -> str | None:
        """Return a version, or None if another tool registered it."""
        return None if version in self.foreign else version


_ALIAS_NAMES = ("champion", "previous", "challenger")


class AliasChange(BaseModel):
    """The aliases that a move sets.

    Attributes:
        champion: New champion.
        previous: New `previous`; None leaves the alias unchanged.
        before: The champion before the move, if any.
        notes: Further tags for the audit record.
    """

    model_config = ConfigDict(frozen=True)

    champion: str
    previous: str | None = None
    before: str | None = None
    notes: dict[str, str] = {}

    def tags(self) -> dict[str, str]:
        """Return the tags of a ticket; `to` is written last and commits the plan."""
        versions = {"from": self.before, "previous": self.previous, "to": self.champion}
        return {**self.notes, **{k: v for k, v in versions.items() if v is not None}}


def change_tags(model: str, plan: AliasChange) -> dict[str, str]:
    """Return the tags of a planned change, with the digest of each version beside its number.

    Args:
        model: Registered name.
        plan: The planned change.

    Returns:
        Tags, in the order in which they must be written.
    """
    return {
        **version_identity.identity_tags("from", model, plan.before),
        **version_identity.identity_tags("previous", model, plan.previous),
        **version_identity.identity_tags("to", model, plan.champion),
        **plan.tags(),
    }


def read_aliases(model: str) -> Aliases:
    """Read a model's aliases in one call, so that they are consistent.

    Some versions of MLflow keep the alias of a deleted version, so each version is looked up.

    Args:
        model: Registered name.

    Returns:
        The aliases; None for each that is not set or points to a deleted version.
    """
    try:
        all_aliases = retry_on_conflict(lambda: runs.client().get_registered_model(model)).aliases
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return Aliases()
        raise
    numbers = {alias: str(all_aliases[alias]) for alias in _ALIAS_NAMES if alias in all_aliases}
    by_number = {n: version_identity.find_version(model, n) for n in set(numbers.values())}
    foreign = {n for n, version in by_number.items() if version and not versions.is_own(version)}
    dangling = tuple(f"{alias} {n}" for alias, n in numbers.items() if by_number[n] is None)
    present = {alias: n for alias, n in numbers.items() if by_number[n]}
    return Aliases(**present, foreign=frozenset(foreign), dangling=dangling)


def apply_change(ticket: Ticket, check_lease: Callable[[], None] = lambda: None) -> None:
    """Apply the planned change of a ticket. Idempotent, so an interrupted move can be completed.

    Each alias is replaced in one write and never removed, so there is a champion at any moment,
    even if the process is killed. If the planned `previous` was deleted since, it is skipped and
    the ticket records that.

    Args:
        ticket: A ticket with a plan.
        check_lease: Called before each write; raises if the lease was lost.

    Raises:
        RefusedError: The new champion was deleted since; nothing is moved and the ticket is closed.
    """
    check_lease()
    if not _set_alias(ticket.model, "champion", ticket.moved_to or ""):
        reference = f"{ticket.model}/{ticket.moved_to}"
        message = f"{reference} was deleted in MLflow before it became champion"
        audit.close_ticket(ticket, "refused", {"outcome": message})
        raise RefusedError(message)
    if ticket.previous is not None:
        check_lease()
        number = version_identity.number_in_role(ticket, "previous")
        if number is None or not _set_alias(ticket.model, "previous", number):
            audit.write_tags(ticket, {"left_out": f"previous {ticket.previous}: it was deleted"})


def _set_alias(model: str, alias: str, version: str) -> bool:
    """Point an alias to a version; return False if the version was deleted."""
    try:
        retry_on_conflict(lambda: runs.client().set_registered_model_alias(model, alias, version))
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return False
        raise
    return True


def recover(abandoned: Ticket, recovering: Ticket) -> None:
    """Complete the plan of a dead holder's ticket; a ticket without a plan expires.

    If the champion is neither the one before nor the one after the plan, it was moved by hand in
    the meantime, and the plan is dropped.

    Args:
        abandoned: The dead holder's ticket.
        recovering: The ticket of the process that recovers it.
    """
    notes = {"repaired_by": str(recovering.number)}
    if not abandoned.has_plan:
        audit.close_ticket(abandoned, "expired", notes)
        return
    champion = read_aliases(abandoned.model).champion
    before = version_identity.number_in_role(abandoned, "from")
    after = version_identity.number_in_role(abandoned, "to")
    if champion not in {before, after, None} or after is None:
        audit.close_ticket(abandoned, "expired", {**notes, "found": f"champion {champion}"})
        return
    apply_change(abandoned)
    audit.close_ticket(abandoned, "done", notes)
