"""Which models a version was made from, read from every record that is left.

A version in the middle may have been deleted in MLflow, or its tags, or its run. So parents are
looked up by digest, in the tags of versions first, then in the records of runs (deleted ones too),
then in the checkpoints themselves. The slower records are read only when the quicker ones lack a
digest.
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

_ROOT_STAGE = "train_teacher"
_ParentRecord = tuple[str, tuple[str, ...]]
"""A digest, and those of its parents: the model first, then the soft targets."""


class Ancestry:
    """The parents of each digest, as far as any record tells.

    Args:
        versions: All versions that a stage made.
    """

    def __init__(self, versions: Iterable[ModelVersion]) -> None:
        self._parents: dict[str, tuple[str, ...]] = {}
        self._unread: list[Callable[[], Iterator[_ParentRecord]]] = [
            partial(_records_from_versions, list(versions)),
            _records_from_runs,
            _records_from_checkpoints,
        ]

    def ancestors(self, version: ModelVersion) -> tuple[set[str], str | None]:
        """Find all models that a version was made from.

        Args:
            version: Where to begin.

        Returns:
            Their digests, and a digest whose parents no record tells, if there is one: then others
            may be missing.
        """
        listed = _split_digests(version.tags.get(registry.ANCESTORS_TAG, ""))
        if listed:
            return set(listed), None
        parents = _split_digests(version.tags.get(registry.PARENTS_TAG, ""))
        digest = version.tags.get("digest")
        return self._walked([digest] if digest else list(parents[:1]), set(parents))

    def _walked(self, waiting: list[str], found: set[str]) -> tuple[set[str], str | None]:
        unknown = None if waiting else "its digest"
        seen: set[str] = set()
        while waiting:
            digest = waiting.pop()
            if digest in seen:
                continue
            seen.add(digest)
            parents = self._parents_of(digest)
            if parents is None:
                unknown = digest
                continue
            found.update(parents)
            # Soft targets are no model, and their teacher is reached through the models.
            waiting += parents[:1]
        return found, unknown

    def _parents_of(self, digest: str) -> tuple[str, ...] | None:
        while digest not in self._parents and self._unread:
            for child, parents in self._unread.pop(0)():
                self._parents.setdefault(child, parents)
        return self._parents.get(digest)


def _split_digests(tag: str) -> tuple[str, ...]:
    return tuple(digest for digest in tag.split(",") if digest)


def _is_complete(stage: str | None, parents: Sequence[str]) -> bool:
    """Only a teacher has no parents: elsewhere an empty record tells nothing."""
    return bool(parents) or stage == _ROOT_STAGE


def _records_from_versions(versions: Iterable[ModelVersion]) -> Iterator[_ParentRecord]:
    for version in versions:
        parents = _split_digests(version.tags.get(registry.PARENTS_TAG, ""))
        if "digest" in version.tags and _is_complete(version.tags.get("stage"), parents):
            yield version.tags["digest"], parents


def _records_from_runs() -> Iterator[_ParentRecord]:
    """The results that stages wrote down, in the trash or not."""
    for run in _runs_with_result():
        written = run.data.tags.get("coldpress.result", "")
        try:
            result = StageResult.model_validate_json(written)
        except ValidationError:
            continue  # altered by hand: it tells nothing
        if result.digest and _is_complete(result.stage, result.parents):
            yield result.digest, result.parents


def _records_from_checkpoints() -> Iterator[_ParentRecord]:
    """What checkpoints say of themselves, also where their version and their run are gone."""
    for model in _logged_models():
        try:
            with artifacts.open_checkpoint(f"models:/{model.model_id}") as checkpoint:
                origin = checkpoint.digest, checkpoint.manifest.parents
                stage = checkpoint.manifest.stage
        except (CorruptCheckpointError, MlflowException):
            continue  # its files went in an earlier collection
        if _is_complete(stage, origin[1]):
            yield origin


def _experiment_batches() -> Iterator[Sequence[str]]:
    found = all_pages(runs.client().search_experiments, ViewType.ALL)
    return batch_ids([str(experiment.experiment_id) for experiment in found])


def _runs_with_result() -> Iterator[Run]:
    search, written = runs.client().search_runs, "tags.`coldpress.result` != ''"
    for ids in _experiment_batches():
        yield from all_pages(search, ids, written, ViewType.ALL)


def _logged_models() -> Iterator[LoggedModel]:
    for ids in _experiment_batches():
        yield from all_pages(runs.client().search_logged_models, ids)
