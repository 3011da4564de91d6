"""Detect champions that were moved by hand in MLflow, and record or revert the change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from coldpress.errors import InputError, RefusedError
from tasks.promotion import audit, promote, version_identity
from tasks.promotion.aliases import AliasChange, Aliases, read_aliases
from tasks.promotion.audit import Request, Ticket
from tasks.promotion.promote import failed_gate, is_usable
from tasks.promotion.queue import run_exclusively
from tasks.tracking import registry, runs, versions
from tasks.tracking.paging import all_pages

Policy = Literal["flag", "revert"]

UNKNOWN_REQUESTER = "unknown (moved in MLflow)"


def list_watched_models() -> list[str]:
    """Return Coldpress's models that have a champion or an audit record."""
    registered = all_pages(runs.client().search_registered_models)
    names = {str(model.name): model.aliases for model in registered}
    return sorted(
        name
        for name in _own_models() & set(names)
        if "champion" in names[name] or name + audit.AUDIT_SUFFIX in names
    )


def _own_models() -> set[str]:
    """Return the models that have a version exported or promoted by Coldpress."""
    search = runs.client().search_model_versions
    exported = {str(v.name) for v in all_pages(search, "", 1000) if _is_deployable(v)}
    promoted = {str(v.name) for v in all_pages(search, "tags.`intent` = 'promote'", 1000)}
    audited = {
        name.removesuffix(audit.AUDIT_SUFFIX)
        for name in promoted
        if name.endswith(audit.AUDIT_SUFFIX)
    }
    return exported | audited


def _is_deployable(version: ModelVersion) -> bool:
    return versions.is_own(version) and version.tags.get("stage", "export_onnx") == "export_onnx"


def validate_models(models: Sequence[str]) -> list[str]:
    """Check that models exist, so that a misspelt name is not watched forever.

    Args:
        models: Registered names.

    Returns:
        The same names.

    Raises:
        InputError: There is neither a model nor an audit record of that name.
    """
    for model in models:
        if audit.front(registry.require_bare_name(model)) is None:
            registry.resolve(model)
    return list(models)


def reconcile_all(
    models: Sequence[str], policy: Policy, flow_run_id: str | None = None
) -> tuple[list[Ticket], dict[str, Exception]]:
    """Reconcile several models; a failure of one does not affect the others.

    Args:
        models: Registered names.
        policy: See `reconcile`.
        flow_run_id: Id of the Prefect flow run.

    Returns:
        The audit records written, and the errors by model.
    """
    records: list[Ticket] = []
    failures: dict[str, Exception] = {}
    for model in models:
        try:
            record = reconcile(model, policy, flow_run_id)
        except (InputError, MlflowException) as error:
            failures[model] = error
        else:
            records += [] if record is None else [record]
    return records, failures


def reconcile(model: str, policy: Policy, flow_run_id: str | None = None) -> Ticket | None:
    """Record a champion that was moved by hand, and keep or revert it.

    Args:
        model: Registered name.
        policy: How to treat a champion that did not pass its gate: keep it and flag it in the
            audit, or restore the last audited champion.
        flow_run_id: Id of the Prefect flow run.

    Returns:
        The audit record written; None if the champion matches the audit.
    """
    if _matches_audit(model) and not audit.open_tickets(model):
        return None
    # A move in progress may explain the change, or be abandoned: that is known with the lease.
    request = Request(
        model=model,
        intent="watch",
        who=UNKNOWN_REQUESTER,
        why="The champion is not the last audited one",
        flow_run_id=flow_run_id,
    )
    try:
        return run_exclusively(request, lambda: _plan_change(model, policy))
    except RefusedError:
        return None


def _matches_audit(model: str) -> bool:
    aliases = read_aliases(model)
    last = audit.last_move(model)
    if aliases.champion is None:
        return last is None or _find_restorable(model) is None
    return last is not None and promote.matches_audit(last, aliases)


def _plan_change(model: str, policy: Policy) -> AliasChange:
    aliases = read_aliases(model)
    last = audit.last_move(model)
    if _matches_audit(model):
        raise RefusedError("The champion matches the audit: nothing to do")
    before = last.moved_to if last else None
    notes = {"moved_by_hand": f"champion {before or 'none'} -> {aliases.champion or 'none'}"}
    if aliases.champion is None:
        return _plan_restore(model, aliases, notes)
    objection = promote.gate_objection(registry.resolve_any(f"{model}/{aliases.champion}"))
    audited = version_identity.version_in_role(last, "to") if last else None
    number = str(audited.version) if audited else None
    usable = number if number and is_usable(model, number) else None
    if objection and policy == "revert" and usable and audited and not failed_gate(audited):
        return _plan_revert(aliases, usable, {**notes, "objection": objection})
    notes |= {"intent": "hand", "why": "The champion was moved in MLflow"}
    notes |= {"flagged": objection} if objection else {}
    return AliasChange(champion=aliases.champion, before=number, previous=usable, notes=notes)


def _plan_revert(aliases: Aliases, number: str, notes: dict[str, str]) -> AliasChange:
    """Restore the audited champion; the rejected version never becomes `previous`."""
    why = "The champion was moved in MLflow to a version that did not pass its gate"
    notes = {**notes, "intent": "revert", "why": why}
    return AliasChange(
        champion=number, before=aliases.champion, previous=aliases.previous, notes=notes
    )


def _plan_restore(model: str, aliases: Aliases, notes: dict[str, str]) -> AliasChange:
    """Restore the last audited champion that is still usable, after the alias was removed."""
    number = _find_restorable(model)
    if number is None:
        raise RefusedError(f"{model} has no champion and no version that could be restored")
    notes = {**notes, "intent": "restore", "why": "The champion alias was removed in MLflow"}
    return AliasChange(champion=number, previous=aliases.previous, notes=notes)


def _find_restorable(model: str) -> str | None:
    """Return the last audited champion that is usable and did not fail its gate."""
    for ticket in reversed(audit.all_tickets(model)):
        version = version_identity.version_in_role(ticket, "to") if ticket.state == "done" else None
        if version is not None and not failed_gate(version):
            number = str(version.version)
            if is_usable(model, number):
                return number
    return None
