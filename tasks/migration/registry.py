"""Bring what was made embedded over to a tracking server: runs, models, versions, aliases, audit.

MLflow gives new ids, and new numbers where a name has versions already; so every id that is written
down anywhere is written anew. What is made says where it came from: a try that was killed is
completed by the next one, and what is there already is left alone.
"""

from __future__ import annotations

import logging

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from coldpress.errors import CorruptCheckpointError
from tasks.migration import runs as brought_runs
from tasks.migration.runs import ORIGIN_TAG, Migration
from tasks.promotion import audit
from tasks.tracking import artifacts, registry, versions
from tasks.tracking import runs as tracking
from tasks.tracking.paging import all_pages

_LOG = logging.getLogger("coldpress")
_VERSION_TAGS = {"from", "to", "previous", "target"}
"""Tags of a ticket that name a version of its model."""


def migrate_store(source_uri: str) -> list[str]:
    """Copy a whole embedded store to the tracking server that the environment names.

    Args:
        source_uri: The embedded database.

    Returns:
        Versions that were not there before, as `name/version`. Those that have to stay are logged.

    Raises:
        CorruptCheckpointError: A model's files did not arrive as they were.
    """
    copying = Migration(MlflowClient(source_uri, source_uri), tracking.client(), {})
    runs = brought_runs.copy_runs(copying)
    models = all_pages(copying.source.search_registered_models)
    names = [str(model.name) for model in models]
    own = [name for name in names if not name.endswith(audit.AUDIT_SUFFIX)]
    old = [version for name in own for version in _sorted_versions(copying.source, name)]
    new = [made for version in old if (made := _copy_version(copying, version))]
    brought_runs.finish_runs(copying, runs)
    for name in own:
        _copy_aliases(copying, name)
    for name in {name + audit.AUDIT_SUFFIX for name in own} & set(names):
        _copy_audit(copying, name)
    return new


def _sorted_versions(client: MlflowClient, name: str) -> list[ModelVersion]:
    found = versions.list_versions(client, name)
    return sorted(found, key=lambda version: int(version.version))


def _copy_version(copying: Migration, version: ModelVersion) -> str | None:
    """The new version's reference; None where one with its digest is there, or it has to stay."""
    name, uri = str(version.name), copying.renamed(str(version.source))
    old, digest = f"{name}/{version.version}", version.tags.get("digest", "")
    known = registry.version_with_digest(name, digest)
    obstacle = _reason_to_skip(version, known is not None or uri != str(version.source))
    if obstacle is not None:
        _LOG.warning("%s is not brought over: %s", old, obstacle)
        return None
    if known is None and copying.has_files(version) and not artifacts.is_intact(uri, digest):
        raise CorruptCheckpointError(f"{old}: its files did not arrive whole")
    tags = {key: copying.renamed(value) for key, value in version.tags.items()}
    run_id = copying.names.get(str(version.run_id), "")  # its run may have been deleted
    reference = registry.register(name, uri, run_id, tags)
    copying.names[old] = reference
    if known is not None:
        return None
    if version.description:
        made = reference.partition("/")[2]
        copying.target.update_model_version(name, made, copying.renamed(version.description))
    return reference


def _reason_to_skip(version: ModelVersion, has_model: bool) -> str | None:
    """Say why a version has to stay where it is."""
    if not versions.is_own(version):
        return "it was not made by Coldpress"
    if not has_model:
        return "its model or experiment was deleted in MLflow, or its run is not over"
    return None


def _copy_aliases(copying: Migration, name: str) -> None:
    """Only those that the target does not have: somebody may have moved them there since."""
    for alias, number in copying.source.get_registered_model(name).aliases.items():
        made = copying.names.get(f"{name}/{number}")
        if made is not None and registry.version_with_alias(name, alias) is None:
            copying.target.set_registered_model_alias(name, alias, made.partition("/")[2])


def _copy_audit(copying: Migration, name: str) -> None:
    """Closed tickets in their order, unless the target has moved this model by itself."""
    there = _sorted_versions(copying.target, name)
    known = {(version.tags.get(ORIGIN_TAG), version.tags.get("when")) for version in there}
    if any(ORIGIN_TAG not in version.tags for version in there):
        return
    registry.ensure_registered_model(name)
    for ticket in _sorted_versions(copying.source, name):
        if ticket.tags.get("state") == "open" or _origin_key(ticket) in known:
            continue
        model = name.removesuffix(audit.AUDIT_SUFFIX)
        # Of what it is a version says nothing, but it cannot be one of nothing.
        any_version = versions.newest_version(copying.target, (model, name))
        if any_version is None:
            return
        tags = {**_translate_tags(copying, model, ticket.tags), ORIGIN_TAG: str(ticket.version)}
        source = f"models:/{any_version.name}/{any_version.version}"
        copying.target.create_model_version(name, source, tags=tags)


def _origin_key(ticket: ModelVersion) -> tuple[str, str | None]:
    """Its number alone would be another ticket's once its audit was deleted and begun again."""
    return str(ticket.version), ticket.tags.get("when")


def _translate_tags(copying: Migration, name: str, tags: dict[str, str]) -> dict[str, str]:
    """A ticket names versions by number: one that has stayed is 0, which no version is."""
    numbers = {
        key: copying.names.get(f"{name}/{tags[key]}", f"{name}/0").partition("/")[2]
        for key in _VERSION_TAGS & tags.keys()
    }
    return {**{key: copying.renamed(value) for key, value in tags.items()}, **numbers}
