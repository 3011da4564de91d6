"""Stored files that are no version: soft targets, and shards of killed runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mlflow.entities.model_registry import ModelVersion
from pydantic import BaseModel, ConfigDict

from tasks.environment import processes, shard_folders
from tasks.tracking import artifacts, history, registry
from tasks.tracking.results import StageResult

SHARDS_URI = "shards:/"
OUTSIDE_HOME = "its files are not in this home"


class StoredFiles(BaseModel):
    """The stored files of one version, of a teacher's soft targets, or of unfinished ones.

    Attributes:
        name: `name/version`, `soft targets of name/version`, or `unfinished soft targets KEY`.
        uri: MLflow URI of the files.
        bytes: Their size.
        kept: The reason to keep them; None if they may be deleted.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    uri: str
    bytes: int
    kept: str | None = None


def stored_shards() -> Iterator[StoredFiles]:
    """Yield the shards that killed runs left, unless a run may still continue with them."""
    open_keys = {
        run.data.tags.get("coldpress.key")
        for run in history.find_runs("attributes.status = 'RUNNING'")
        if not processes.is_gone(run.data.tags.get("coldpress.process"))
    }
    for folder in shard_folders.list_shards():
        key = folder.name
        is_orphan = bool(history.results_with_key(key)) or shard_folders.is_abandoned(folder)
        reason = None if is_orphan else "a run may continue with them for 7 days"
        yield StoredFiles(
            name=f"unfinished soft targets {key[:12]}",
            uri=SHARDS_URI + key,
            bytes=shard_folders.stored_bytes(folder),
            kept="a run is open" if key in open_keys else reason,
        )


def stored_soft_targets(
    versions: Sequence[ModelVersion], reasons: Mapping[str, str]
) -> Iterator[StoredFiles]:
    """Yield soft targets, which are kept as long as their teacher.

    Those of a teacher without a version, such as answers from files, are kept as long as a model
    that was made from them.

    Args:
        versions: All versions with a digest.
        reasons: Why files are kept, by their URI.
    """
    ran = "tags.`coldpress.stage` = 'generate_soft_targets' AND tags.`coldpress.status` = 'ran'"
    for run in history.find_runs(ran):
        result = history.result_of(run)
        size = artifacts.stored_bytes(result.model_uri) if result.model_uri else 0
        owners = _owners(result, versions)
        if not size or not owners or result.model_uri is None:
            continue
        uris = [result.model_uri, *(str(version.source) for version in owners)]
        reason = next((reasons[uri] for uri in uris if uri in reasons), None)
        if reason is None and artifacts.is_outside_home(result.model_uri):
            reason = OUTSIDE_HOME
        owner = next((v for v in owners if str(v.source) in reasons), owners[0])
        name = f"soft targets of {owner.name}/{owner.version}"
        yield StoredFiles(name=name, uri=result.model_uri, bytes=size, kept=reason)


def _owners(result: StageResult, versions: Sequence[ModelVersion]) -> list[ModelVersion]:
    """Return the teacher of soft targets; without one, the models that were made from them."""
    if result.parents:
        return [
            version
            for version in versions
            if version.tags.get("stage") == "train_teacher"
            and version.tags["digest"] == result.parents[0]
        ]
    return [
        version
        for version in versions
        if result.digest in version.tags.get(registry.PARENTS_TAG, "").split(",")
    ]
