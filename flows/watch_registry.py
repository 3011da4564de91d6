"""Watch the registry for champions that were moved by hand, as in the MLflow UI."""

from __future__ import annotations

from prefect import flow, get_run_logger

from tasks.execution import prefect_artifacts, requester
from tasks.promotion import watch
from tasks.promotion.audit import Ticket
from tasks.promotion.watch import Policy


@flow(name="watch-registry", persist_result=False, result_serializer="json")
def watch_registry(models: list[str] | None = None, policy: Policy = "flag") -> list[Ticket]:
    """Record champions that were moved by hand, and restore those that were removed.

    One check per run; a schedule repeats it.

    Args:
        models: Registered names; empty: all models that have a champion.
        policy: What to do with a champion that did not pass its gate: flag it, or revert to the
            last audited champion.
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
    reason = record.tags.get("flagged") or record.tags.get("objection") or "it passed its gate"
    move = record.tags.get("moved_by_hand", "")
    return f"{record.model}: {move} by hand; {record.tags['intent']}: {reason}"


def _table_row(record: Ticket) -> dict[str, str]:
    columns = ("intent", "moved_by_hand", "flagged", "objection", "when")
    tags = {name: record.tags.get(name, "") for name in columns}
    return {"model": record.model, "audit": str(record.number), **tags}
