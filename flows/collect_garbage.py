"""Delete the files of old model versions that nothing depends on."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from pydantic import Field

from tasks.execution import prefect_artifacts, requester
from tasks.promotion import retention
from tasks.promotion.stored_files import StoredFiles


@flow(name="collect-garbage", persist_result=False, result_serializer="json")
def collect_garbage(keep: Annotated[int, Field(ge=0)] = 3) -> list[StoredFiles]:
    """Delete old files. Versions, tags and audit records stay; a run recreates missing files.

    Args:
        keep: Number of newest versions of each registered model whose files are always kept.
    """
    versions = retention.collect(keep, requester.requested_by(), requester.flow_run_id())
    rows = [{**v.model_dump(), "kept": v.kept or "removed"} for v in versions]
    if rows:
        prefect_artifacts.show_table(rows, "collected")
    return versions
