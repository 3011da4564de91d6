"""Find all ancestors of a model version, even if parts of its lineage were deleted.

A version in the middle may have been deleted in MLflow, or its tags, or its run. So parents are
looked up by digest: in the tags of versions first, then in the results of runs (including deleted
ones), then in the checkpoints. Slower sources are read only if the faster ones lack a digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from mlflow.entities import LoggedModel, Run, ViewType
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from pydantic import ValidationError

from coldpress.errors import CorruptCheckpointError
from tasks.tracking import artifacts, registry, runs
from tasks.tracking.paging import all_pages, batch_ids
from tasks.tracking.results import StageResult

_ROOT_STAGES = ("train_teacher", "generate_soft_targets")
"""Stages without parents: soft targets have none if they are answers from files."""

_ParentRecord = tuple[str, tuple[str, ...]]
"""A digest and the digests of its parents: the model first, then the soft targets."""


class Ancestry:
    """The parents of each digest, read lazily from every available record.

    Args:
        versions: All versions that a stage registered.
    """

    def __init__(self, versions: Iterable[ModelVersion]) -> None:
        self._parents: dict[str, tuple[str, ...]] = {}
        self._unread_sources: list[Callable[[], Iterator[_ParentRecord]]] = [
            partial(_records_from_versions, list(versions)),
            _records_from_runs,
            _records_from_checkpoints,
        ]

    def ancestors(self, version: ModelVersion) -> tuple[set[str], str | None]:
        """Return the digests of all models that a version was made from.

        Args:
            version: The version to start from.

        Returns:
            The digests, and a digest whose parents are unknown, or None. If there is one, further
            ancestors may be missing.
        """
        tagged = _split_digests(version.tags.get(registry.ANCESTORS_TAG, ""))
        if tagged:
            return set(tagged), None
        parents = _split_digests(version.tags.get(registry.PARENTS_TAG, ""))
        digest = version.tags.get("digest")
        return self._walk([digest] if digest else list(parents[:1]), set(parents))

    def _walk(self, pending: list[str], ancestors: set[str]) -> tuple[set[str], str | None]:
        unknown = None if pending else "its digest"
        visited: set[str] = set()
        while pending:
            digest = pending.pop()
            if digest in visited:
                continue
            visited.add(digest)
            parents = self._parents_of(digest)
            if parents is None:
                unknown = digest
                continue
            ancestors.update(parents)
            # Skip soft targets: they are not a model, and their teacher is reached anyway.
            pending += parents[:1]
        return ancestors, unknown

    def _parents_of(self, digest: str) -> tuple[str, ...] | None:
        while digest not in self._parents and self._unread_sources:
            for child, parents in self._unread_sources.pop(0)():
                self._parents.setdefault(child, parents)
        return self._parents.get(digest)


def _split_digests(tag: str) -> tuple[str, ...]:
    return tuple(digest for digest in tag.split(",") if digest)


def _is_complete(stage: str | None, parents: Sequence[str]) -> bool:
    """True unless parents are missing."""
    return bool(parents) or stage in _ROOT_STAGES


def _records_from_versions(versions: Iterable[ModelVersion]) -> Iterator[_ParentRecord]:
    for version in versions:
        parents = _split_digests(version.tags.get(registry.PARENTS_TAG, ""))
        if "digest" in version.tags and _is_complete(version.tags.get("stage"), parents):
            yield version.tags["digest"], parents


def _records_from_runs() -> Iterator[_ParentRecord]:
    """Read the results of stage runs, including deleted ones."""
    for run in _runs_with_result():
        record = run.data.tags.get("coldpress.result", "")
        try:
            result = StageResult.model_validate_json(record)
        except ValidationError:
            continue  # the tag was altered by hand
        if result.digest and _is_complete(result.stage, result.parents):
            yield result.digest, result.parents


def _records_from_checkpoints() -> Iterator[_ParentRecord]:
    """Read the manifests of checkpoints, which may outlive their versions and runs."""
    for model in _logged_models():
        try:
            with artifacts.open_checkpoint(f"models:/{model.model_id}") as checkpoint:
                digest = checkpoint.digest
                manifest = checkpoint.manifest
        except (CorruptCheckpointError, MlflowException):
            continue  # the files were deleted by an earlier collection
        if _is_complete(manifest.stage, manifest.parents):
            yield digest, manifest.parents


def _experiment_batches() -> Iterator[Sequence[str]]:
    experiments = all_pages(runs.client().search_experiments, ViewType.ALL)
    return batch_ids([str(experiment.experiment_id) for experiment in experiments])


def _runs_with_result() -> Iterator[Run]:
    search = runs.client().search_runs
    has_result = "tags.`coldpress.result` != ''"
    for ids in _experiment_batches():
        yield from all_pages(search, ids, has_result, ViewType.ALL)


def _logged_models() -> Iterator[LoggedModel]:
    for ids in _experiment_batches():
        yield from all_pages(runs.client().search_logged_models, ids)
