"""Processors on which a version was evaluated, and the version to pull for this machine's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from coldpress import cpu
from tasks.tracking import registry, runs, versions
from tasks.tracking.references import split_reference

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

PROCESSOR_TAG = "processor"
"""Tag of a version: the processors of its last evaluation, one per line."""
_LOG = logging.getLogger(__name__)


def record_processors(reference: str, processors: Sequence[str]) -> None:
    """Tag a version with the processors on which it was evaluated.

    Args:
        reference: `name/version`.
        processors: Of `coldpress.cpu.processor_name`.
    """
    registry.set_tags(reference, {PROCESSOR_TAG: "\n".join(processors)})


def resolve_for_this_processor(reference: str) -> ModelVersion:
    """Find a version, preferably one that was evaluated on this machine's processor.

    Latency depends on the processor, and so do the outputs of integer arithmetic.

    Args:
        reference: `name/version` and `name@alias` mean one version: if it was evaluated on other
            processors only, a warning says so. `name` means the newest version that was evaluated
            on this one; if there is none, the newest, with the same warning.

    Raises:
        InputError: See `registry.resolve`.
    """
    version = registry.resolve(reference)
    name, mark, _ = split_reference(reference)
    if _suits(version):
        return version
    evaluated = f"{name}/{version.version} was evaluated on {_processors(version)}"
    suitable = None if mark else _newest_suitable(name)
    if suitable is None:
        _LOG.warning("%s, not on %s", evaluated, cpu.processor_name())
        return version
    _LOG.warning("%s; using %s/%s, evaluated on this processor", evaluated, name, suitable.version)
    return suitable


def _newest_suitable(name: str) -> ModelVersion | None:
    tagged = [v for v in versions.list_versions(runs.client(), name) if versions.is_own(v)]
    suitable = [v for v in tagged if PROCESSOR_TAG in v.tags and _suits(v)]
    return max(suitable, key=lambda version: int(version.version), default=None)


def _suits(version: ModelVersion) -> bool:
    """False if a version was evaluated on other processors only; unknown ones suit."""
    recorded = version.tags.get(PROCESSOR_TAG)
    return not recorded or cpu.processor_name() in recorded.split("\n")


def _processors(version: ModelVersion) -> str:
    return " and ".join(str(version.tags[PROCESSOR_TAG]).split("\n"))
