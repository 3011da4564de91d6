"""URLs of runs, model versions and artifacts in the MLflow UI."""

from __future__ import annotations

import os
import re
from urllib.parse import quote, urlencode

from tasks.tracking import runs

_PUBLIC_URL_VARIABLE = "COLDPRESS_MLFLOW_URL"


def run_url(run_id: str, experiment_id: str | None = None) -> str | None:
    """Return the URL of a run's page without credentials; None if there is no tracking server.

    Args:
        run_id: An existing run.
        experiment_id: Its experiment, if known; otherwise MLflow is asked.
    """
    experiment = experiment_id or runs.client().get_run(run_id).info.experiment_id
    return _page_url(f"#/experiments/{experiment}/runs/{run_id}")


def run_location(run_id: str, experiment_id: str | None = None) -> str:
    """Return the URL of a run's page, or without a server the run's id and tracking URI.

    Args:
        run_id: An existing run.
        experiment_id: See `run_url`.

    Returns:
        Text to show to users, without credentials.
    """
    uri = strip_credentials(os.environ.get("MLFLOW_TRACKING_URI", ""))
    return run_url(run_id, experiment_id) or f"run {run_id} in {uri}"


def version_url(registered: str) -> str | None:
    """Return the URL of a registered version's page.

    Args:
        registered: `name/version`.

    Returns:
        The URL, or None if there is no tracking server.
    """
    name, _, number = registered.partition("/")
    return _page_url(f"#/models/{quote(name)}/versions/{number}")


def file_url(run_id: str, path: str) -> str | None:
    """Return the URL of a run's artifact.

    Args:
        run_id: An existing run.
        path: Relative to the run's artifact root.

    Returns:
        The URL, or None if there is no tracking server.
    """
    return _page_url(f"get-artifact?{urlencode({'path': path, 'run_uuid': run_id})}")


def markdown_link(text: str, url: str | None) -> str:
    """Return a Markdown link, or the text alone if there is no URL."""
    return f"[{text}]({url})" if url else text


def strip_credentials(uri: str) -> str:
    """Return a URI without user and password."""
    return re.sub("://[^/]*@", "://", uri)


def _page_url(path: str) -> str | None:
    """Return the URL of a page; users may reach the server at another address than runs do."""
    uri = os.environ.get(_PUBLIC_URL_VARIABLE) or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri.startswith("http"):
        return None
    return f"{strip_credentials(uri).rstrip('/')}/{path}"
