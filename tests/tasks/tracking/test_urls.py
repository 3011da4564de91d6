"""URLs for a browser, which never contain a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.tracking import runs, urls


@pytest.fixture
def run_id(state: Path) -> str:
    """A run of the first experiment."""
    return runs.open_run(runs.ensure_experiment("trec"), "trec", {})


def test_without_a_server_there_is_no_address(run_id: str, state: Path) -> None:
    page_urls = (urls.run_url(run_id), urls.version_url("trec/1"), urls.file_url(run_id, "a.png"))
    assert page_urls == (None, None, None)
    assert urls.run_location(run_id) == f"run {run_id} in sqlite:///{state / 'mlflow.db'}"
    assert urls.markdown_link("trec/1", None) == "trec/1"


def test_pages_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    server = "https://mlflow.example.org"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{server}/")
    assert urls.version_url("trec/3") == f"{server}/#/models/trec/versions/3"
    assert urls.file_url("7", "e/a b.png") == f"{server}/get-artifact?path=e%2Fa+b.png&run_uuid=7"
    assert urls.markdown_link("trec/3", f"{server}/x") == f"[trec/3]({server}/x)"


def test_people_may_reach_it_elsewhere_than_runs_do(
    run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDPRESS_MLFLOW_URL", "http://127.0.0.1:5000")
    experiment = runs.ensure_experiment("trec")
    expected = f"http://127.0.0.1:5000/#/experiments/{experiment}/runs/{run_id}"
    assert (urls.run_url(run_id), urls.run_location(run_id)) == (expected, expected)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://ann:s3cret@mlflow.example.org:80/a@b", "https://mlflow.example.org:80/a@b"),
        ("postgresql+psycopg2://ann:s3cret@db/mlflow", "postgresql+psycopg2://db/mlflow"),
        ("sqlite:////tmp/mlflow.db", "sqlite:////tmp/mlflow.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_no_password_is_ever_shown(uri: str, expected: str) -> None:
    assert urls.strip_credentials(uri) == expected


def test_no_link_has_a_password(run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDPRESS_MLFLOW_URL", "https://ann:s3cret@mlflow.example.org")
    assert urls.run_location(run_id).startswith("https://mlflow.example.org/#/")
