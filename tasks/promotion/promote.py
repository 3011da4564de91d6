"""Promotion and rollback: what may become champion, decided when the turn has come."""

from __future__ import annotations

import re
from typing import NoReturn

from mlflow.entities.model_registry import ModelVersion

from coldpress.errors import InputError, RefusedError
from tasks.promotion import audit, version_identity
from tasks.promotion.aliases import AliasChange, Aliases, read_aliases
from tasks.promotion.audit import Request, Ticket
from tasks.promotion.queue import run_exclusively
from tasks.tracking import artifacts, registry, versions

_REFERENCE = re.compile(r"[^@/]+(/[0-9]+|@[^@/]+)")


def resolve_promotable(reference: str) -> tuple[str, str]:
    """Find what a person wants to promote.

    Args:
        reference: `name/version` or `name@alias`.

    Returns:
        Name and version.

    Raises:
        InputError: There is no such version, or it is not a deployable one.
    """
    if not _REFERENCE.fullmatch(reference):
        raise InputError(f"model: {reference!r} is neither MODEL/VERSION nor MODEL@alias")
    version = registry.resolve(reference)
    stage = version.tags.get("stage")
    if stage != "export_onnx":
        made = f"a checkpoint of {stage or 'an unknown stage'}"
        raise InputError(f"model: {reference} is {made}, and only ONNX models are promoted")
    return str(version.name), str(version.version)


def is_champion(model: str, version: str) -> bool:
    """Whether a version is the champion and nobody is about to change that."""
    return read_aliases(model).champion == version and not audit.open_tickets(model)


def promote(request: Request) -> Ticket:
    """Make a version the champion, and the champion `previous`.

    Args:
        request: Names the model, the version as its target, and whether it is forced.

    Returns:
        The closed ticket; its champion before and after are equal where nothing was to be done.

    Raises:
        RefusedError: The version did not pass its gate, its files are not intact, or its number
            is another version's by now.
    """
    return run_exclusively(request, lambda: _plan_promotion(request))


def _plan_promotion(request: Request) -> AliasChange:
    version = registry.resolve(f"{request.model}/{request.target}")
    _check_identity(version, request)
    found, number = read_aliases(request.model), str(version.version)
    notes = _manual_change_notes(request.model, found)
    if found.champion == number:
        return AliasChange(champion=number, before=number, previous=found.previous, notes=notes)
    _check_gate(version, request.forced)
    _check_files(version)
    # What others registered never becomes `previous`: a rollback would bring it back.
    before = found.champion
    return AliasChange(champion=number, before=before, previous=found.own(before), notes=notes)


def gate_objection(version: ModelVersion) -> str | None:
    """Return why the gate does not back a version; None where it does."""
    verdict = version.tags.get("gate")
    name = f"{version.name}/{version.version}"
    if not versions.is_own(version):
        return f"{name} was not made by Coldpress"
    if verdict == "passed":
        return None
    if verdict is None:
        return f"{name} was never judged by a gate"
    reasons = version.tags.get("gate.reasons", "").splitlines()
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{name} was refused by its gate: {reasons[0] if reasons else verdict}{more}"


def _check_identity(version: ModelVersion, request: Request) -> None:
    """Between the order and its turn, a person may be asked for a day."""
    wanted = request.target_digest
    if wanted is not None and version.tags.get("digest") != wanted:
        raise RefusedError(
            f"{version.name}/{version.version} is another version than the one that was asked for:"
            " its model was deleted and registered again meanwhile"
        )


def failed_gate(version: ModelVersion) -> bool:
    """Whether a gate judged a version, and did not let it through."""
    return version.tags.get("gate") not in {None, "passed"}


def _check_gate(version: ModelVersion, forced: bool) -> None:
    against = gate_objection(version)
    if against is not None and not forced:
        raise RefusedError(f"{against}; --force passes over it")


def _check_files(version: ModelVersion) -> None:
    """Forced or not: a champion whose files are gone would answer nobody."""
    if not artifacts.is_intact(str(version.source), version.tags.get("digest", "")):
        name = f"{version.name}/{version.version}"
        raise RefusedError(f"{name}: its files are gone or not those that were written")


def record_refusal(request: Request, why: str) -> NoReturn:
    """Record that a person, or nobody in time, let a promotion go on.

    Args:
        request: What was wanted.
        why: One line.

    Raises:
        RefusedError: Always.
    """

    def say_no() -> AliasChange:
        raise RefusedError(why)

    run_exclusively(request, say_no)
    raise AssertionError("unreachable")


def rollback(request: Request) -> Ticket:
    """Swap champion and previous.

    Args:
        request: Names the model.

    Returns:
        The closed ticket.

    Raises:
        InputError: There is no previous.
        RefusedError: Its files are not intact.
    """
    return run_exclusively(request, lambda: _plan_rollback(request))


def check_rollback(model: str) -> None:
    """Raise unless there is something to go back to, or a move under way that may make it so."""
    if not audit.open_tickets(model):
        _rollback_target(model, read_aliases(model))


def _plan_rollback(request: Request) -> AliasChange:
    model, found = request.model, read_aliases(request.model)
    interrupted = _interrupted_rollback(request, found)
    if interrupted and found.champion:
        notes = {"completes": str(interrupted.number)}
        now = found.champion
        return AliasChange(champion=now, before=now, previous=found.previous, notes=notes)
    version = registry.resolve(f"{model}/{_rollback_target(model, found)}")
    _check_files(version)
    against, back = gate_objection(version), str(version.version)
    notes = _manual_change_notes(model, found) | ({"flagged": against} if against else {})
    in_service = found.champion or _audited_champion(model) or back
    before = in_service if found.own(in_service) else found.own(found.previous)
    return AliasChange(champion=back, before=found.champion, previous=before, notes=notes)


def _interrupted_rollback(request: Request, found: Aliases) -> Ticket | None:
    """Return the rollback that was interrupted and is completed, if this is the same again.

    Whoever was killed runs the command again, and wants one rollback, not two.
    """
    last = audit.last_move(request.model)
    if last is None or "repaired_by" not in last.tags:
        return None
    if version_identity.number_in_role(last, "to") != found.champion:
        return None
    same = all(last.tags.get(k) == getattr(request, k) for k in ("intent", "who", "why"))
    return last if same else None


def _rollback_target(model: str, found: Aliases) -> str:
    """Return the champion before: the last audited one, where a hand has moved it since."""
    audited = _audited_champion(model)
    if audited and found.champion not in {None, audited}:
        return audited
    if found.previous in {None, found.champion}:
        registry.resolve(model)  # says so where there is no such model at all
        raise InputError(f"model: {model} has no previous champion to go back to")
    return str(found.previous)


def _audited_champion(model: str) -> str | None:
    """Return the champion that the audit knows of, if it can still answer."""
    known = version_identity.number_in_role(audit.last_move(model), "to")
    return known if known and is_usable(model, known) else None


def is_usable(model: str, version: str) -> bool:
    """Whether a version is still there with its files.

    Args:
        model: Registered name.
        version: Its number.

    Returns:
        True only if every file has its digest.
    """
    try:
        known = registry.resolve(f"{model}/{version}")
    except InputError:
        return False
    return artifacts.is_intact(str(known.source), known.tags.get("digest", ""))


def matches_audit(last: Ticket, found: Aliases) -> bool:
    """Whether the champion is the version that a move made so.

    Args:
        last: The last move.
        found: The aliases now.

    Returns:
        False where there is no champion, too: no move takes one away.
    """
    return found.champion is not None and found.champion == version_identity.number_in_role(
        last, "to"
    )


def _manual_change_notes(model: str, found: Aliases) -> dict[str, str]:
    """Say in the next record that the champion was moved by hand since the last one."""
    last = audit.last_move(model)
    left_out = {"left_out": f"deleted: {', '.join(found.dangling)}"} if found.dangling else {}
    if last is None or matches_audit(last, found):
        return left_out
    moved = f"champion {last.moved_to} -> {found.champion or 'none'}"
    return {"moved_by_hand": moved, **left_out}
