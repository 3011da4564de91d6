"""Where a browser finds runs, models and their files in MLflow's pages."""

from __future__ import annotations

import os
import re
from urllib.parse import quote, urlencode

from tasks.tracking import runs

_PUBLIC_URL_VARIABLE = "COLDPRESS_MLFLOW_URL"


def run_url(run_id: str) -> str | None:
    """Return the address of a run's page; None where no server is behind the tracking store.

    Args:
        run_id: An existing run.

    Returns:
        An address without credentials.
    """
    experiment = runs.client().get_run(run_id).info.experiment_id
    return _page_url(f"#/experiments/{experiment}/runs/{run_id}")


def run_location(run_id: str) -> str:
    """Return the address of a run's page, or where the run is without a server.

    Args:
        run_id: An existing run.

    Returns:
        Something to read, without credentials.
    """
    uri = strip_credentials(os.environ.get("MLFLOW_TRACKING_URI", ""))
    return run_url(run_id) or f"run {run_id} in {uri}"


def version_url(registered: str) -> str | None:
    """Return the address of a registered version's page.

    Args:
        registered: `name/version`.

    Returns:
        None where no server is behind the tracking store.
    """
    name, _, number = registered.partition("/")
    return _page_url(f"#/models/{quote(name)}/versions/{number}")


def file_url(run_id: str, path: str) -> str | None:
    """Return the address of a file that a run keeps.

    Args:
        run_id: An existing run.
        path: Below its artifacts.

    Returns:
        None where no server is behind the tracking store.
    """
    return _page_url(f"get-artifact?{urlencode({'path': path, 'run_uuid': run_id})}")


def markdown_link(words: str, address: str | None) -> str:
    """Return Markdown that leads to an address, or the words alone where there is none."""
    return f"[{words}]({address})" if address else words


def strip_credentials(uri: str) -> str:
    """Return a URI as anybody may read it: user and password are left out."""
    return re.sub("://[^/]*@", "://", uri)


def _page_url(path: str) -> str | None:
    """The tracking address may be one that only containers reach; people's is set beside it."""
    uri = os.environ.get(_PUBLIC_URL_VARIABLE) or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri.startswith("http"):
        return None
    return f"{strip_credentials(uri).rstrip('/')}/{path}"
