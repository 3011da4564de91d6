"""Look after the champions: people move aliases in the MLflow UI, where nothing is recorded."""

from __future__ import annotations

from prefect import flow, get_run_logger

from tasks.execution import prefect_artifacts, requester
from tasks.promotion import watch
from tasks.promotion.audit import Ticket
from tasks.promotion.watch import Policy


@flow(name="watch-registry", persist_result=False, result_serializer="json")
def watch_registry(models: list[str] | None = None, policy: Policy = "flag") -> list[Ticket]:
    """Record the champions that were moved by hand; restore one that was taken away.

    One look a run: a schedule makes it a watch.

    Args:
        models: Registered names; all that have a champion where none is given.
        policy: What to do with one that its gate does not back: flag it, or revert to the last
            audited one.
    """
    names = watch.list_watched_models() if models is None else watch.validate_models(models)
    records, failures = watch.reconcile_all(names, policy, requester.flow_run_id())
    for name, error in failures.items():
        get_run_logger().error("%s: %s", name, error)
    for record in records:
        get_run_logger().warning("%s", _describe(record))
    if records:
        prefect_artifacts.show_table([_table_row(record) for record in records], "moved-by-hand")
    for error in failures.values():
        raise error
    return records


def _describe(record: Ticket) -> str:
    flagged = record.tags.get("flagged") or record.tags.get("objection") or "its gate backs it"
    found = record.tags.get("moved_by_hand", "")
    return f"{record.model}: {found} by hand; {record.tags['intent']}: {flagged}"


def _table_row(record: Ticket) -> dict[str, str]:
    shown = ("intent", "moved_by_hand", "flagged", "objection", "when")
    told = {name: record.tags.get(name, "") for name in shown}
    return {"model": record.model, "audit": str(record.number), **told}
