"""Promote and roll back: decide what may become champion once the lease is held."""

from __future__ import annotations

import re
from typing import NoReturn

from mlflow.entities.model_registry import ModelVersion

from coldpress.errors import InputError, RefusedError
from tasks.promotion import audit, version_identity
from tasks.promotion.aliases import AliasChange, Aliases, read_aliases
from tasks.promotion.audit import Request, Ticket
from tasks.promotion.queue import run_exclusively
from tasks.tracking import artifacts, registry, reports, versions

_REFERENCE = re.compile(r"[^@/]+(/[0-9]+|@[^@/]+)")


def resolve_promotable(reference: str) -> tuple[str, str]:
    """Resolve a reference to a deployable version.

    Args:
        reference: `name/version` or `name@alias`.

    Returns:
        Name and version.

    Raises:
        InputError: There is no such version, or it is not deployable.
    """
    if not _REFERENCE.fullmatch(reference):
        raise InputError(f"model: {reference!r} is neither MODEL/VERSION nor MODEL@alias")
    version = registry.resolve(reference)
    stage = version.tags.get("stage")
    if stage != "export_onnx":
        kind = f"a checkpoint of {stage or 'an unknown stage'}"
        reason = f"only ONNX models can be promoted{reports.no_file_note(version)}"
        raise InputError(f"model: {reference} is {kind}; {reason}")
    return str(version.name), str(version.version)


def is_champion(model: str, version: str) -> bool:
    """True if a version is the champion and no move is in progress."""
    return read_aliases(model).champion == version and not audit.open_tickets(model)


def promote(request: Request) -> Ticket:
    """Make a version the champion, and the champion `previous`.

    Args:
        request: The model, the version as target, and whether to ignore the gate.

    Returns:
        The closed ticket; its champion before and after are equal if nothing had to be done.

    Raises:
        RefusedError: The version did not pass its gate, its files are not intact, or its number
            was reassigned to another version.
    """
    return run_exclusively(request, lambda: _plan_promotion(request))


def _plan_promotion(request: Request) -> AliasChange:
    version = registry.resolve(f"{request.model}/{request.target}")
    _check_identity(version, request)
    number = str(version.version)
    aliases = read_aliases(request.model)
    notes = _manual_change_notes(request.model, aliases)
    if aliases.champion == number:
        return AliasChange(champion=number, before=number, previous=aliases.previous, notes=notes)
    _check_gate(version, request.forced)
    _check_files(version)
    # A version of another tool never becomes `previous`: a rollback would restore it.
    before = aliases.champion
    return AliasChange(champion=number, before=before, previous=aliases.own(before), notes=notes)


def gate_objection(version: ModelVersion) -> str | None:
    """Return why a version may not be promoted without force; None if it passed its gate."""
    verdict = version.tags.get("gate")
    name = f"{version.name}/{version.version}"
    if not versions.is_own(version):
        return f"{name} was not made by Coldpress"
    if verdict == "passed":
        return None
    if verdict is None:
        return f"{name} has no gate result"
    reasons = version.tags.get("gate.reasons", "").splitlines()
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{name} was refused by its gate: {reasons[0] if reasons else verdict}{more}"


def _check_identity(version: ModelVersion, request: Request) -> None:
    """Check that the number was not reassigned: an approval may take a day."""
    expected = request.target_digest
    if expected is not None and version.tags.get("digest") != expected:
        raise RefusedError(
            f"{version.name}/{version.version} is no longer the requested version: its model was"
            " deleted and registered again in the meantime"
        )


def failed_gate(version: ModelVersion) -> bool:
    """True if a version was evaluated by its gate and refused."""
    return version.tags.get("gate") not in {None, "passed"}


def _check_gate(version: ModelVersion, forced: bool) -> None:
    objection = gate_objection(version)
    if objection is not None and not forced:
        raise RefusedError(f"{objection}; promote anyway with --force")


def _check_files(version: ModelVersion) -> None:
    """Check the files even if forced: a champion without files cannot serve."""
    if not artifacts.is_intact(str(version.source), version.tags.get("digest", "")):
        name = f"{version.name}/{version.version}"
        raise RefusedError(f"{name}: its files are missing or were changed")


def record_refusal(request: Request, why: str) -> NoReturn:
    """Record that a promotion was not approved.

    Args:
        request: The requested promotion.
        why: The reason, in one line.

    Raises:
        RefusedError: Always.
    """

    def refuse() -> AliasChange:
        raise RefusedError(why)

    run_exclusively(request, refuse)
    raise AssertionError("unreachable")


def rollback(request: Request) -> Ticket:
    """Swap champion and previous.

    Args:
        request: The model.

    Returns:
        The closed ticket.

    Raises:
        InputError: There is no previous champion.
        RefusedError: Its files are not intact.
    """
    return run_exclusively(request, lambda: _plan_rollback(request))


def check_rollback(model: str) -> None:
    """Raise InputError unless there is a previous champion or a move in progress."""
    if not audit.open_tickets(model):
        _rollback_target(model, read_aliases(model))


def _plan_rollback(request: Request) -> AliasChange:
    model = request.model
    aliases = read_aliases(model)
    interrupted = _interrupted_rollback(request, aliases)
    if interrupted and aliases.champion:
        notes = {"completes": str(interrupted.number)}
        current = aliases.champion
        return AliasChange(champion=current, before=current, previous=aliases.previous, notes=notes)
    version = registry.resolve(f"{model}/{_rollback_target(model, aliases)}")
    _check_files(version)
    number = str(version.version)
    objection = gate_objection(version)
    notes = _manual_change_notes(model, aliases) | ({"flagged": objection} if objection else {})
    in_service = aliases.champion or _audited_champion(model) or number
    previous = in_service if aliases.own(in_service) else aliases.own(aliases.previous)
    return AliasChange(champion=number, before=aliases.champion, previous=previous, notes=notes)


def _interrupted_rollback(request: Request, aliases: Aliases) -> Ticket | None:
    """Return the last rollback if it was interrupted, recovered, and is now requested again.

    A user whose command was killed runs it again and expects one rollback, not two.
    """
    last = audit.last_move(request.model)
    if last is None or "repaired_by" not in last.tags:
        return None
    if version_identity.number_in_role(last, "to") != aliases.champion:
        return None
    same = all(last.tags.get(k) == getattr(request, k) for k in ("intent", "who", "why"))
    return last if same else None


def _rollback_target(model: str, aliases: Aliases) -> str:
    """Return `previous`, or the last audited champion if the alias was moved by hand since."""
    audited = _audited_champion(model)
    if audited and aliases.champion not in {None, audited}:
        return audited
    if aliases.previous in {None, aliases.champion}:
        registry.resolve(model)  # raises if the model does not exist
        raise InputError(f"model: {model} has no previous champion to roll back to")
    return str(aliases.previous)


def _audited_champion(model: str) -> str | None:
    """Return the last audited champion, if its files are intact."""
    number = version_identity.number_in_role(audit.last_move(model), "to")
    return number if number and is_usable(model, number) else None


def is_usable(model: str, version: str) -> bool:
    """True if a version exists and all its files are intact.

    Args:
        model: Registered name.
        version: Version number.
    """
    try:
        resolved = registry.resolve(f"{model}/{version}")
    except InputError:
        return False
    return artifacts.is_intact(str(resolved.source), resolved.tags.get("digest", ""))


def matches_audit(last: Ticket, aliases: Aliases) -> bool:
    """True if the champion is the one set by the last audited move.

    Args:
        last: The last move.
        aliases: The current aliases.

    Returns:
        False also without a champion, since no audited move removes the alias.
    """
    number = version_identity.number_in_role(last, "to")
    return aliases.champion is not None and aliases.champion == number


def _manual_change_notes(model: str, aliases: Aliases) -> dict[str, str]:
    """Return notes for the next record about changes by hand since the last one."""
    last = audit.last_move(model)
    left_out = {"left_out": f"deleted: {', '.join(aliases.dangling)}"} if aliases.dangling else {}
    if last is None or matches_audit(last, aliases):
        return left_out
    change = f"champion {last.moved_to} -> {aliases.champion or 'none'}"
    return {"moved_by_hand": change, **left_out}
