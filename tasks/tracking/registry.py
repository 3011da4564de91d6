"""Register, resolve and annotate model versions in the MLflow registry."""

from __future__ import annotations

import logging
import re

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, RESOURCE_ALREADY_EXISTS, ErrorCode

from coldpress.errors import InputError
from coldpress.schema.stages import REGISTERED_SUFFIX, Stage
from tasks.environment import home
from tasks.tracking import deduplicate, experiments, runs, versions
from tasks.tracking.references import AUDIT_SUFFIX, split_reference
from tasks.tracking.retry import retry_on_conflict

CHAMPION = "champion"
CHALLENGER = "challenger"
PARENTS_TAG = "parents"
ANCESTORS_TAG = "ancestors"
"""Tag of a version: the digests of all models it was made from, including the teacher."""
_MODEL_NAME = re.compile(r"[^/@'\"\s]+")
_LOG = logging.getLogger("coldpress")


def registered_name(recipe: str, stage: Stage) -> str | None:
    """Return the name under which a stage registers its models; None if it registers none."""
    suffix = REGISTERED_SUFFIX.get(stage)
    return None if suffix is None else recipe + suffix


def version_with_digest(name: str, digest: str) -> ModelVersion | None:
    """Return the version of a model with a digest; None if there is none or it was deleted."""
    return next(iter(versions.versions_with_digest(runs.client(), name, digest)), None)


def register(name: str, model_uri: str, run_id: str, tags: dict[str, str]) -> str:
    """Register a model as a new version, with its tags set in the same call.

    Args:
        name: Registered name, created on first use.
        model_uri: The LoggedModel, `models:/m-...`; it exists.
        run_id: The run that made the model.
        tags: Tags of the version; must include `digest`.

    Returns:
        `name/version`; an existing version with the same digest is returned instead of a new one.
    """
    matches = versions.versions_with_digest(runs.client(), name, tags["digest"], model_uri)
    existing = next(iter(matches), None)
    if existing is not None:
        reference = f"{name}/{existing.version}"
        set_tags(reference, _missing_tags(existing, tags))
        return reference
    ensure_registered_model(name)
    client = runs.client()
    model_id = model_uri.removeprefix("models:/")
    retry_on_conflict(
        lambda: client.create_model_version(
            name, model_uri, run_id, tags=tags, model_id=model_id, await_creation_for=0
        )
    )
    version = deduplicate.keep_first_version(client, name, tags["digest"], run_id)
    return f"{name}/{version.version}"


def _missing_tags(version: ModelVersion, tags: dict[str, str]) -> dict[str, str]:
    """Return lineage tags that a version of an older Coldpress lacks, or that were deleted."""
    present = version.tags
    names = (PARENTS_TAG, ANCESTORS_TAG)
    return {k: tags[k] for k in names if tags.get(k) and not present.get(k)}


def ensure_registered_model(name: str) -> None:
    """Create a registered model unless it exists."""
    try:
        runs.client().create_registered_model(name)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise


def require_bare_name(model: str) -> str:
    """Check that a user's input is a model name without version or alias.

    Args:
        model: The user's input.

    Returns:
        The same name.

    Raises:
        InputError: It has a version or an alias, or is not a valid name.
    """
    if not _MODEL_NAME.fullmatch(model):
        raise InputError(f"model: must be a name alone, such as trec, not {model!r}")
    return model


def resolve(reference: str) -> ModelVersion:
    """Find a version that Coldpress registered.

    Args:
        reference: `name` (its latest version), `name@alias` or `name/version`.

    Returns:
        The version, with its tags and source.

    Raises:
        InputError: The model, alias or version does not exist, this user may not read it, or
            another tool registered it.
    """
    version = resolve_any(reference)
    if versions.is_own(version):
        return version
    name, mark, _ = split_reference(reference)
    own = [v for v in versions.list_versions(runs.client(), name) if versions.is_own(v)]
    latest = max(own, key=_version_number, default=None)
    if latest is None or mark:
        raise InputError(
            f"model: {_foreign_message(reference, version)}; {_suggest_version(name, latest)}"
        )
    _LOG.warning(
        "%s; using %s/%s instead", _foreign_message(reference, version), name, latest.version
    )
    return latest


def _foreign_message(reference: str, version: ModelVersion) -> str:
    name = f"{version.name}/{version.version}"
    label = name if name == reference else f"{name} ({reference})"
    return f"{label} was not made by Coldpress, its source is {version.source}"


def _suggest_version(name: str, latest: ModelVersion | None) -> str:
    if latest is None:
        return f"{name} has no version made by Coldpress"
    return f"the latest version made by Coldpress is {name}/{latest.version}"


def _version_number(version: ModelVersion) -> int:
    return int(version.version)


def resolve_any(reference: str) -> ModelVersion:
    """Find a version, whatever tool registered it.

    Args:
        reference: `name` (the latest version), `name@alias` or `name/version`.

    Returns:
        The version, with its tags and source.

    Raises:
        InputError: The model, alias or version does not exist, or this user may not read it.
    """
    if home.is_unused():
        raise InputError(
            f"model: no {reference} in the registry; {home.home_directory()} has no models yet"
        )
    name, mark, selector = split_reference(reference)
    if name.endswith(AUDIT_SUFFIX):
        raise InputError(f"model: {name} is the audit record of a model, not a model")
    client = runs.client()
    try:
        if mark == "@":
            return client.get_model_version_by_alias(name, selector)
        if mark == "/":
            return client.get_model_version(name, selector)
        return max(versions.list_versions(client, name), key=_version_number)
    except ValueError as error:
        raise InputError(_missing_message(reference)) from error
    except MlflowException as error:
        message = _user_message(reference, error)
        if message is None:
            raise
        raise InputError(message) from error


def _user_message(reference: str, error: MlflowException) -> str | None:
    """Explain a missing or forbidden version; None for any other error, such as an outage."""
    if error.error_code in versions.NOT_FOUND_CODES:
        return _missing_message(reference)
    if error.error_code == ErrorCode.Name(PERMISSION_DENIED):
        return f"model: this user may not read {reference}"
    return None


def _missing_message(reference: str) -> str:
    name, _, _ = split_reference(reference)
    client = runs.client()
    no_file = bool(name) and experiments.has_runs_without_export(client, name)
    no_file = no_file and not versions.list_versions(client, name)
    note = "; its recipe has export: null" if no_file else ""
    return f"model: no {reference} in the registry{note}"


def version_with_alias(name: str, alias: str) -> ModelVersion | None:
    """Return the version that an alias points to.

    Args:
        name: Registered name.
        alias: Such as `champion`.

    Returns:
        None only if the registry reports that the alias does not exist; an outage raises.
    """
    try:
        return runs.client().get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in versions.NOT_FOUND_CODES:
            return None
        raise


def record_verdict(reference: str, tags: dict[str, str], description: str, passed: bool) -> None:
    """Write a gate verdict on a version, replacing an earlier one, and move `challenger`.

    Args:
        reference: `name/version`.
        tags: Set one by one, in order.
        description: Markdown.
        passed: If true the version becomes the challenger, else it stops being the challenger.
    """
    client = runs.client()
    name, _, version = split_reference(reference)
    client.update_model_version(name, version, description)
    set_tags(reference, tags)
    challenger = version_with_alias(name, CHALLENGER)
    is_challenger = challenger is not None and str(challenger.version) == version
    if passed and not is_challenger:
        client.set_registered_model_alias(name, CHALLENGER, version)
    elif is_challenger and not passed:
        client.delete_registered_model_alias(name, CHALLENGER)


def set_tags(reference: str, tags: dict[str, str]) -> None:
    """Set tags of a version.

    Args:
        reference: `name/version`.
        tags: Set one by one, in order.
    """
    name, _, version = split_reference(reference)
    for key, value in tags.items():
        runs.client().set_model_version_tag(name, version, key, value)
