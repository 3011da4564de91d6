"""People move `champion` in the MLflow UI too: what the audit does not explain is looked into."""

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
    """Return the models of Coldpress's that have a champion, or had one that the audit knows of."""
    known = all_pages(runs.client().search_registered_models)
    names = {str(model.name): model.aliases for model in known}
    return sorted(
        name
        for name in _own_models() & set(names)
        if "champion" in names[name] or name + audit.AUDIT_SUFFIX in names
    )


def _own_models() -> set[str]:
    """Models that Coldpress exported a version of, or promoted one of: others' are theirs."""
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
    """Check that models exist: one that is misspelt would be watched for ever.

    Args:
        models: Registered names.

    Returns:
        The same.

    Raises:
        InputError: The registry knows neither a model nor an audit of that name.
    """
    for model in models:
        if audit.front(registry.require_bare_name(model)) is None:
            registry.resolve(model)
    return list(models)


def reconcile_all(
    models: Sequence[str], policy: Policy, flow_run_id: str | None = None
) -> tuple[list[Ticket], dict[str, Exception]]:
    """Look after models; one that cannot be looked at does not keep the others from it.

    Args:
        models: Registered names.
        policy: See `look`.
        flow_run_id: Prefect's.

    Returns:
        The records that were written, and what went wrong, by model.
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
    """Look after one model: record a champion that was moved by hand, and keep it or not.

    Args:
        model: Registered name.
        policy: What to do with a champion that its gate does not back: leave it and flag it in
            the audit, or put the last audited one back.
        flow_run_id: Prefect's.

    Returns:
        The record that was written; None where the audit explains everything.
    """
    if _matches_audit(model) and not audit.open_tickets(model):
        return None
    # A move under way may explain it, or its holder may be dead: both are known in its turn.
    request = Request(
        model=model,
        intent="watch",
        who=UNKNOWN_REQUESTER,
        why="The champion is not the one that the audit says",
        flow_run_id=flow_run_id,
    )
    try:
        return run_exclusively(request, lambda: _plan_change(model, policy))
    except RefusedError:
        return None


def _matches_audit(model: str) -> bool:
    found, last = read_aliases(model), audit.last_move(model)
    if found.champion is None:
        return last is None or _find_restorable(model) is None
    return last is not None and promote.matches_audit(last, found)


def _plan_change(model: str, policy: Policy) -> AliasChange:
    found, last = read_aliases(model), audit.last_move(model)
    if _matches_audit(model):
        raise RefusedError("The audit explains the champion: nothing to do")
    before = last.moved_to if last else None
    notes = {"moved_by_hand": f"champion {before or 'none'} -> {found.champion or 'none'}"}
    if found.champion is None:
        return _plan_restore(model, found, notes)
    against = promote.gate_objection(registry.resolve_any(f"{model}/{found.champion}"))
    audited = version_identity.version_in_role(last, "to") if last else None
    number = str(audited.version) if audited else None
    kept = number if number and is_usable(model, number) else None
    if against and policy == "revert" and kept and audited and not failed_gate(audited):
        return _plan_revert(found, kept, {**notes, "objection": against})
    notes |= {"intent": "hand", "why": "The champion was moved in MLflow"}
    notes |= {"flagged": against} if against else {}
    return AliasChange(champion=found.champion, before=number, previous=kept, notes=notes)


def _plan_revert(found: Aliases, kept: str, notes: dict[str, str]) -> AliasChange:
    """What was moved by hand never becomes `previous`: a rollback would bring it back."""
    why = "The champion was moved in MLflow to a version that its gate does not back"
    told = {**notes, "intent": "revert", "why": why}
    return AliasChange(champion=kept, before=found.champion, previous=found.previous, notes=told)


def _plan_restore(model: str, found: Aliases, notes: dict[str, str]) -> AliasChange:
    """Go back through the audit to the last champion that can still answer."""
    number = _find_restorable(model)
    if number is None:
        raise RefusedError(f"{model} has no champion, and none that may be restored is left")
    told = {**notes, "intent": "restore", "why": "The champion was taken away in MLflow"}
    return AliasChange(champion=number, previous=found.previous, notes=told)


def _find_restorable(model: str) -> str | None:
    """The last champion that is still there with its files, and that its gate did not refuse."""
    for ticket in reversed(audit.all_tickets(model)):
        version = version_identity.version_in_role(ticket, "to") if ticket.state == "done" else None
        if version is not None and not failed_gate(version):
            number = str(version.version)
            if is_usable(model, number):
                return number
    return None
