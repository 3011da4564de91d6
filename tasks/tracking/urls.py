"""Where a browser finds runs, models and their files in MLflow's pages."""

from __future__ import annotations

import os
import re
from urllib.parse import quote, urlencode

from tasks.tracking import runs

_FOR_PEOPLE = "COLDPRESS_MLFLOW_URL"


def run(run_id: str) -> str | None:
    """Return the address of a run's page; None where no server is behind the tracking store.

    Args:
        run_id: An existing run.

    Returns:
        An address without credentials.
    """
    experiment = runs.client().get_run(run_id).info.experiment_id
    return _at(f"#/experiments/{experiment}/runs/{run_id}")


def page(run_id: str) -> str:
    """Return the address of a run's page, or where the run is without a server.

    Args:
        run_id: An existing run.

    Returns:
        Something to read, without credentials.
    """
    uri = without_credentials(os.environ.get("MLFLOW_TRACKING_URI", ""))
    return run(run_id) or f"run {run_id} in {uri}"


def version(registered: str) -> str | None:
    """Return the address of a registered version's page.

    Args:
        registered: `name/version`.

    Returns:
        None where no server is behind the tracking store.
    """
    name, _, number = registered.partition("/")
    return _at(f"#/models/{quote(name)}/versions/{number}")


def file(run_id: str, path: str) -> str | None:
    """Return the address of a file that a run keeps.

    Args:
        run_id: An existing run.
        path: Below its artifacts.

    Returns:
        None where no server is behind the tracking store.
    """
    return _at(f"get-artifact?{urlencode({'path': path, 'run_uuid': run_id})}")


def link(words: str, address: str | None) -> str:
    """Return Markdown that leads to an address, or the words alone where there is none."""
    return f"[{words}]({address})" if address else words


def without_credentials(uri: str) -> str:
    """Return a URI as anybody may read it: user and password are left out."""
    return re.sub("://[^/]*@", "://", uri)


def _at(path: str) -> str | None:
    """The tracking address may be one that only containers reach; people's is set beside it."""
    uri = os.environ.get(_FOR_PEOPLE) or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri.startswith("http"):
        return None
    return f"{without_credentials(uri).rstrip('/')}/{path}"
