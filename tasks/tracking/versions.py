"""Find versions of a registered model, and tell Coldpress's own from those of others."""

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

from tasks.tracking.paging import all_pages

# MLflow's answers to an id or an alias of nothing, and to what cannot be one.
NOT_FOUND_CODES = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}
_LOGGED_MODEL = "models:/m-"
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
        name: Registered name, whatever characters are in it.
        condition: Further clauses of MLflow's filter, such as `tags.state = 'open'`.
        order_by: As MLflow's search takes it.
        limit: How many are enough; all of them where none is given.

    Returns:
        Those that the registry has now.
    """
    clauses = " AND ".join(clause for clause in (equals_filter("name", name), condition) if clause)
    enough = None if _QUOTES.search(name) else limit  # of a pattern's results some may be others'
    order = list(order_by) or None
    search = client.search_model_versions
    found = all_pages(search, clauses, enough or 1000, order, limit=enough)
    return [version for version in found if version.name == name][:limit]


def newest_version(client: MlflowClient, names: Iterable[str]) -> ModelVersion | None:
    """Return the newest version of the first of some registered models that has any.

    Args:
        client: A client of the registry.
        names: Registered names, in the order in which they are tried.

    Returns:
        None where none has any.
    """
    order = ["version_number DESC"]
    found = (list_versions(client, name, order_by=order, limit=1) for name in names)
    return next((versions[0] for versions in found if versions), None)


def equals_filter(field: str, value: str) -> str:
    """Return a clause of MLflow's filter that holds where a field has a value.

    MLflow knows no escape for quotes. A value that has some becomes a pattern, in which each stands
    for any character: whoever searches with it looks at the results again.

    Args:
        field: Such as `name` or `` tags.`digest` ``.
        value: Any text.

    Returns:
        The clause.
    """
    if _QUOTES.search(value):
        return f"{field} LIKE '{_QUOTES.sub('_', value)}'"
    return f"{field} = '{value}'"


def is_own(version: ModelVersion) -> bool:
    """Whether a stage of Coldpress made a version: others register theirs under any name."""
    return "digest" in version.tags and str(version.source).startswith(_LOGGED_MODEL)


def has_model(client: MlflowClient, version: ModelVersion) -> bool:
    """Whether MLflow still has the model that a version was made from.

    `mlflow gc` removes models for good, and leaves the versions.

    Args:
        client: A client of the tracking server.
        version: One of Coldpress's own.

    Returns:
        False where it was deleted; an outage raises.
    """
    try:
        client.get_logged_model(str(version.source).removeprefix("models:/"))
    except MlflowException as error:
        if error.error_code in NOT_FOUND_CODES:
            return False
        raise
    return True


def versions_with_digest(client: MlflowClient, name: str, digest: str) -> list[ModelVersion]:
    """Return the versions of a registered model that have a digest and whose model is there.

    Args:
        client: A client of the registry.
        name: Registered name.
        digest: Of the files.

    Returns:
        The oldest first; there is one, unless two runs register the same at the same time.
    """
    found = list_versions(client, name, equals_filter("tags.`digest`", digest))
    alive = [version for version in found if is_own(version) and has_model(client, version)]
    return sorted(alive, key=lambda version: int(version.version))
