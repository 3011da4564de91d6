"""Migrate an embedded store to a tracking server: runs, models, versions, aliases, audit records.

MLflow assigns new ids, and new version numbers if a name already has versions, so ids are
translated wherever they are stored. Each copy is tagged with its origin: an interrupted migration
is completed by the next one, and existing copies are not changed.
"""

from __future__ import annotations

import logging

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from coldpress.errors import CorruptCheckpointError
from tasks.migration.runs import ORIGIN_TAG, Migration, copy_runs, finish_runs
from tasks.promotion import audit
from tasks.tracking import artifacts, registry, runs, versions
from tasks.tracking.paging import all_pages

_LOG = logging.getLogger("coldpress")
_VERSION_TAGS = {"from", "to", "previous", "target"}
"""Tags of a ticket that contain a version number of its model."""


def migrate_store(source_uri: str) -> list[str]:
    """Copy an embedded store to the tracking server configured by the environment.

    Args:
        source_uri: URI of the embedded database.

    Returns:
        New versions as `name/version`. Versions that cannot be migrated are logged.

    Raises:
        CorruptCheckpointError: A model's files are damaged after the copy.
    """
    migration = Migration(MlflowClient(source_uri, source_uri), runs.client(), {})
    unfinished = copy_runs(migration)
    registered = all_pages(migration.source.search_registered_models)
    names = [str(model.name) for model in registered]
    models = [name for name in names if not name.endswith(audit.AUDIT_SUFFIX)]
    old = [version for name in models for version in _sorted_versions(migration.source, name)]
    new = [reference for version in old if (reference := _copy_version(migration, version))]
    finish_runs(migration, unfinished)
    for name in models:
        _copy_aliases(migration, name)
    for name in {name + audit.AUDIT_SUFFIX for name in models} & set(names):
        _copy_audit(migration, name)
    return new


def _sorted_versions(client: MlflowClient, name: str) -> list[ModelVersion]:
    unsorted = versions.list_versions(client, name)
    return sorted(unsorted, key=lambda version: int(version.version))


def _copy_version(migration: Migration, version: ModelVersion) -> str | None:
    """Copy a version; return None if the target has its digest already or it cannot be migrated."""
    name = str(version.name)
    uri = migration.translate_ids(str(version.source))
    old = f"{name}/{version.version}"
    digest = version.tags.get("digest", "")
    existing = registry.version_with_digest(name, digest)
    reason = _reason_to_skip(version, existing is not None or uri != str(version.source))
    if reason is not None:
        _LOG.warning("%s was not imported: %s", old, reason)
        return None
    if existing is None and migration.has_files(version) and not artifacts.is_intact(uri, digest):
        raise CorruptCheckpointError(f"{old}: its files are damaged after the copy")
    tags = {key: migration.translate_ids(value) for key, value in version.tags.items()}
    run_id = migration.new_ids.get(str(version.run_id), "")  # its run may have been deleted
    reference = registry.register(name, uri, run_id, tags)
    migration.new_ids[old] = reference
    if existing is not None:
        return None
    if version.description:
        number = reference.partition("/")[2]
        description = migration.translate_ids(version.description)
        migration.target.update_model_version(name, number, description)
    return reference


def _reason_to_skip(version: ModelVersion, has_model: bool) -> str | None:
    """Return why a version cannot be migrated; None if it can."""
    if not versions.is_own(version):
        return "it was not made by Coldpress"
    if not has_model:
        return "its model or experiment was deleted in MLflow, or its run has not ended"
    return None


def _copy_aliases(migration: Migration, name: str) -> None:
    """Copy aliases that the target lacks; existing ones may have been moved there since."""
    for alias, number in migration.source.get_registered_model(name).aliases.items():
        reference = migration.new_ids.get(f"{name}/{number}")
        if reference is not None and registry.version_with_alias(name, alias) is None:
            migration.target.set_registered_model_alias(name, alias, reference.partition("/")[2])


def _copy_audit(migration: Migration, name: str) -> None:
    """Copy closed tickets in order, unless the target has audit records of its own."""
    records = _sorted_versions(migration.target, name)
    copied = {(record.tags.get(ORIGIN_TAG), record.tags.get("when")) for record in records}
    if any(ORIGIN_TAG not in record.tags for record in records):
        return
    registry.ensure_registered_model(name)
    for ticket in _sorted_versions(migration.source, name):
        if ticket.tags.get("state") == "open" or _origin_key(ticket) in copied:
            continue
        model = name.removesuffix(audit.AUDIT_SUFFIX)
        # MLflow requires a source for a record; any version will do.
        any_version = versions.newest_version(migration.target, (model, name))
        if any_version is None:
            return
        tags = {**_translate_tags(migration, model, ticket.tags), ORIGIN_TAG: str(ticket.version)}
        source = f"models:/{any_version.name}/{any_version.version}"
        migration.target.create_model_version(name, source, tags=tags)


def _origin_key(ticket: ModelVersion) -> tuple[str, str | None]:
    """Identify a ticket also by time: numbers start again if the audit was deleted."""
    return str(ticket.version), ticket.tags.get("when")


def _translate_tags(migration: Migration, name: str, tags: dict[str, str]) -> dict[str, str]:
    """Translate the ids and version numbers of a ticket; a version not migrated becomes 0."""
    numbers = {
        key: migration.new_ids.get(f"{name}/{tags[key]}", f"{name}/0").partition("/")[2]
        for key in _VERSION_TAGS & tags.keys()
    }
    return {**{key: migration.translate_ids(value) for key, value in tags.items()}, **numbers}
