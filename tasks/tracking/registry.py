"""Lineage, aliases and versions: the only place that reads or moves registry state."""

from __future__ import annotations

import logging
import re

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, RESOURCE_ALREADY_EXISTS, ErrorCode

from coldpress.errors import InputError
from coldpress.schema.stages import REGISTERED_SUFFIX, Stage
from tasks.environment import home
from tasks.tracking import deduplicate, runs, versions
from tasks.tracking.retry import retry_on_conflict

CHAMPION = "champion"
CHALLENGER = "challenger"
AUDIT_SUFFIX = "-audit"
PARENTS_TAG = "parents"
ANCESTORS_TAG = "ancestors"
"""On a version: the digests of all models that it was made from, teacher included."""
_MODEL_NAME = re.compile(r"[^/@'\"\s]+")
_LOG = logging.getLogger("coldpress")


def registered_name(recipe: str, stage: Stage) -> str | None:
    """Return the registered model that a stage's checkpoints become versions of.

    Args:
        recipe: The recipe's name.
        stage: One of the seven.

    Returns:
        The name, or None for a stage that registers nothing.
    """
    suffix = REGISTERED_SUFFIX.get(stage)
    return None if suffix is None else recipe + suffix


def version_with_digest(name: str, digest: str) -> ModelVersion | None:
    """Find the version of a model that has a digest; None where its model was deleted."""
    return next(iter(versions.versions_with_digest(runs.client(), name, digest)), None)


def register(name: str, model_uri: str, run_id: str, tags: dict[str, str]) -> str:
    """Make a model a version, complete with its tags in one call.

    Args:
        name: Registered name; made on first use.
        model_uri: The LoggedModel, `models:/m-...`.
        run_id: The run that made it.
        tags: What every version carries; `digest` among them.

    Returns:
        `name/version`: the one with this digest where there is one already.
    """
    found = version_with_digest(name, tags["digest"])
    if found is not None:
        reference = f"{name}/{found.version}"
        set_tags(reference, _missing_tags(found, tags))
        return reference
    ensure_registered_model(name)
    client, model_id = runs.client(), model_uri.removeprefix("models:/")
    retry_on_conflict(
        lambda: client.create_model_version(
            name, model_uri, run_id, tags=tags, model_id=model_id, await_creation_for=0
        )
    )
    made = deduplicate.keep_first_version(client, name, tags["digest"], run_id)
    return f"{name}/{made.version}"


def _missing_tags(version: ModelVersion, tags: dict[str, str]) -> dict[str, str]:
    """Where it comes from, if an older Coldpress registered it or somebody deleted these tags."""
    own = version.tags
    return {k: tags[k] for k in (PARENTS_TAG, ANCESTORS_TAG) if tags.get(k) and not own.get(k)}


def ensure_registered_model(name: str) -> None:
    """Make a registered model unless there is one."""
    try:
        runs.client().create_registered_model(name)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise


def require_bare_name(model: str) -> str:
    """Check that a name is none of a version.

    Args:
        model: What a person wrote.

    Returns:
        The same.

    Raises:
        InputError: It names a version, or cannot name anything.
    """
    if not _MODEL_NAME.fullmatch(model):
        raise InputError(f"model: a name alone, such as trec, not {model!r}")
    return model


def resolve(reference: str) -> ModelVersion:
    """Find a version of Coldpress's by what a person writes.

    Args:
        reference: `name` (its latest version), `name@alias` or `name/version`.

    Returns:
        The version, with its tags and source.

    Raises:
        InputError: There is no such model, alias or version, none that this user may read, or
            somebody else registered it.
    """
    version = resolve_any(reference)
    if versions.is_own(version):
        return version
    name, mark, _ = _split_reference(reference)
    own = [known for known in versions.list_versions(runs.client(), name) if versions.is_own(known)]
    latest = max(own, key=_version_number, default=None)
    if latest is None or mark:
        raise InputError(
            f"model: {_foreign_message(reference, version)}; {_suggest_version(name, latest)}"
        )
    _LOG.warning("%s; %s/%s is taken", _foreign_message(reference, version), name, latest.version)
    return latest


def _foreign_message(reference: str, version: ModelVersion) -> str:
    named = f"{version.name}/{version.version}"
    which = named if named == reference else f"{named} ({reference})"
    return f"{which} was not made by Coldpress, its source is {version.source}"


def _suggest_version(name: str, latest: ModelVersion | None) -> str:
    if latest is None:
        return f"no version of {name} was"
    return f"the latest of {name} that was is {name}/{latest.version}"


def _version_number(version: ModelVersion) -> int:
    return int(version.version)


def resolve_any(reference: str) -> ModelVersion:
    """Find a version by what a person writes, whoever registered it.

    Args:
        reference: `name` (the latest version), `name@alias` or `name/version`.

    Returns:
        The version, with its tags and source.

    Raises:
        InputError: There is no such model, alias or version, or none that this user may read.
    """
    if home.is_unused():
        raise InputError(
            f"model: no {reference} in the registry; nothing is in {home.home_directory()} yet"
        )
    name, mark, which = _split_reference(reference)
    if name.endswith(AUDIT_SUFFIX):
        raise InputError(f"model: {name} holds the record of moves, and is no model")
    client = runs.client()
    try:
        if mark == "@":
            return client.get_model_version_by_alias(name, which)
        if mark == "/":
            return client.get_model_version(name, which)
        return max(versions.list_versions(client, name), key=_version_number)
    except ValueError as error:
        raise InputError(f"model: no {reference} in the registry") from error
    except MlflowException as error:
        told = _user_message(reference, error)
        if told is None:
            raise
        raise InputError(told) from error


def _user_message(reference: str, error: MlflowException) -> str | None:
    """Say what is the matter where it is the user's to know: an outage is not."""
    if error.error_code in versions.NOT_FOUND_CODES:
        return f"model: no {reference} in the registry"
    if error.error_code == ErrorCode.Name(PERMISSION_DENIED):
        return f"model: this user may not read {reference}"
    return None


def version_with_alias(name: str, alias: str) -> ModelVersion | None:
    """Find the version that an alias names.

    Args:
        name: Registered name.
        alias: Such as `champion`.

    Returns:
        None only where the registry says that there is none: an outage raises.
    """
    try:
        return runs.client().get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in versions.NOT_FOUND_CODES:
            return None
        raise


def record_verdict(reference: str, tags: dict[str, str], description: str, passed: bool) -> None:
    """Write a judgement on a version: the latest counts. One that passed is the challenger.

    Args:
        reference: `name/version`.
        tags: Set one after the other, in their order.
        description: Markdown.
        passed: Whether the gate let it through.
    """
    client, (name, _, version) = runs.client(), _split_reference(reference)
    client.update_model_version(name, version, description)
    set_tags(reference, tags)
    known = version_with_alias(name, CHALLENGER)
    if passed:
        client.set_registered_model_alias(name, CHALLENGER, version)
    elif known is not None and str(known.version) == version:
        client.delete_registered_model_alias(name, CHALLENGER)


def set_tags(reference: str, tags: dict[str, str]) -> None:
    """Set tags of a version.

    Args:
        reference: `name/version`.
        tags: Set one after the other, in their order.
    """
    name, _, version = _split_reference(reference)
    for key, value in tags.items():
        runs.client().set_model_version_tag(name, version, key, value)


def _split_reference(reference: str) -> tuple[str, str, str]:
    for mark in "@/":
        name, found, which = reference.partition(mark)
        if found:
            return name, mark, which
    return reference, "", ""
