"""Search versions of a registered model, and recognise those that Coldpress registered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INVALID_PARAMETER_VALUE,
    RESOURCE_DOES_NOT_EXIST,
    ErrorCode,
)

from tasks.tracking import references
from tasks.tracking.paging import all_pages

# Error codes for an unknown id or alias, and for a malformed one.
NOT_FOUND_CODES = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}
_QUOTES = re.compile(r"['\"\\]")


def list_versions(
    client: MlflowClient,
    name: str,
    condition: str = "",
    order_by: Sequence[str] = (),
    limit: int | None = None,
) -> list[ModelVersion]:
    """Return the versions of one registered model.

    Args:
        client: A client of the registry.
        name: Registered name; may contain quotes.
        condition: Further clauses of MLflow's filter, such as `tags.state = 'open'`.
        order_by: As in MLflow's search.
        limit: Maximum number of versions; None for all.
    """
    clauses = " AND ".join(clause for clause in (equals_filter("name", name), condition) if clause)
    # A pattern can also match other names, which are filtered out below.
    page_limit = None if _QUOTES.search(name) else limit
    order = list(order_by) or None
    search = client.search_model_versions
    matches = all_pages(search, clauses, page_limit or 1000, order, limit=page_limit)
    return [version for version in matches if version.name == name][:limit]


def newest_version(client: MlflowClient, names: Iterable[str]) -> ModelVersion | None:
    """Return the newest version of the first of several registered models that has versions.

    Args:
        client: A client of the registry.
        names: Registered names, tried in this order.

    Returns:
        None if none of them has a version.
    """
    order = ["version_number DESC"]
    newest = (list_versions(client, name, order_by=order, limit=1) for name in names)
    return next((versions[0] for versions in newest if versions), None)


def equals_filter(field: str, value: str) -> str:
    """Return a clause of MLflow's filter that tests a field for equality.

    MLflow cannot escape quotes. A value with quotes becomes a LIKE pattern in which each quote
    matches any character, so callers must filter the results again.

    Args:
        field: Such as `name` or `` tags.`digest` ``.
        value: Any text.
    """
    if _QUOTES.search(value):
        return f"{field} LIKE '{_QUOTES.sub('_', value)}'"
    return f"{field} = '{value}'"


def is_own(version: ModelVersion) -> bool:
    """True if a stage of Coldpress registered a version, and not another tool."""
    return references.is_own(version.tags, version.source)


def has_model(client: MlflowClient, version: ModelVersion) -> bool:
    """True if the LoggedModel of a version still exists.

    `mlflow gc` purges models but keeps their versions.

    Args:
        client: A client of the tracking server.
        version: A version registered by Coldpress.

    Returns:
        False if the model was deleted; an outage raises.
    """
    try:
        client.get_logged_model(str(version.source).removeprefix("models:/"))
    except MlflowException as error:
        if error.error_code in NOT_FOUND_CODES:
            return False
        raise
    return True


def versions_with_digest(
    client: MlflowClient, name: str, digest: str, existing_model: str | None = None
) -> list[ModelVersion]:
    """Return the versions of a registered model with a digest and an existing LoggedModel.

    Args:
        client: A client of the registry.
        name: Registered name.
        digest: Digest of the model's files.
        existing_model: Source that need not be looked up, since the caller has just opened it.

    Returns:
        The oldest first; at most one, unless two runs register the same model at the same time.
    """
    matches = list_versions(client, name, equals_filter("tags.`digest`", digest))
    own = [version for version in matches if is_own(version)]
    loadable = [v for v in own if v.source == existing_model or has_model(client, v)]
    return sorted(loadable, key=lambda version: int(version.version))
