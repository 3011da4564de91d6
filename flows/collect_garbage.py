"""Delete the files of versions that nobody serves, descends from, works on, or made lately."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from pydantic import Field

from tasks.execution import prefect_artifacts, requester
from tasks.promotion import retention
from tasks.promotion.retention import StoredFiles


@flow(name="collect-garbage", persist_result=False, result_serializer="json")
def collect_garbage(keep: Annotated[int, Field(ge=0)] = 3) -> list[StoredFiles]:
    """Delete old files; versions, tags and the audit stay, and a run makes files again.

    Args:
        keep: How many of the newest versions of each registered model stay in any case.
    """
    found = retention.collect(keep, requester.requested_by(), requester.flow_run_id())
    rows = [{**h.model_dump(), "kept": h.kept or "removed"} for h in found]
    if rows:
        prefect_artifacts.show_table(rows, "collected")
    return found
