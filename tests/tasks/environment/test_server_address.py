"""Addresses that cannot be used are refused before anything is asked or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.errors import InputError
from tasks.environment import credentials
from tasks.environment.server_address import mlflow_address_error, prefect_address_error


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:5000",
        "https://tracking.example",
        "https://tracking.example/mlflow",
        "http://[::1]:5000",
        "postgresql://db/mlflow",
        "mysql+pymysql://db:3306/mlflow",
        "sqlite:////tmp/mlflow.db",
        "sqlite:////tmp/mlflow.db?timeout=5",
        "plugin://somewhere",
    ],
)
def test_a_valid_mlflow_address(address: str) -> None:
    assert mlflow_address_error(address) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("./mlruns", "./mlruns is a folder, and MLflow keeps no runs in folders any more"),
        ("/data/mlruns", "/data/mlruns is a folder"),
        ("file:///data/mlruns", "file:///data/mlruns is a folder"),
        ("file:mlruns", "file:mlruns is a folder"),
        ("C:\\mlruns", "C:\\mlruns is a folder"),
        ("localhost:5000", "localhost:5000 has no scheme; did you mean http://localhost:5000?"),
        ("10.0.0.7:5000/mlflow", "10.0.0.7:5000/mlflow has no scheme"),
        ("http://", "http:// is not a valid server address: it has no host"),
        ("http://:5000", "http://:5000 is not a valid server address: it has no host"),
        ("http://host:port", "http://host:port is not a valid server address: Port could not be"),
        ("http://[::1", "http://[::1 is not a valid address: Invalid IPv6 URL"),
        ("sqlite://", "sqlite:// is a database in memory, which is lost when the process ends"),
        ("sqlite:///:memory:", "sqlite:///:memory: is a database in memory"),
        ("sqlite:////nowhere/m.db", "the folder of the database, /nowhere, does not exist"),
        ("databricks", "databricks is not a store that Coldpress can use"),
        ("databricks://profile", "databricks://profile is not a store that Coldpress can use"),
        ("databricks-uc://x", "databricks-uc://x is not a store that Coldpress can use"),
    ],
)
def test_an_invalid_mlflow_address(address: str, reason: str) -> None:
    assert (mlflow_address_error(address) or "").startswith(reason)


@pytest.mark.parametrize("address", ["127.0.0.1:4200/api", "ws://h/api", "cloud", "http://:1/api"])
def test_an_invalid_prefect_address(address: str) -> None:
    assert (prefect_address_error(address) or "").startswith(f"{address} is not ")
    assert prefect_address_error("https://api.prefect.cloud/api/accounts/1/workspaces/2") is None


def test_the_message_names_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path))
    with pytest.raises(InputError, match=f"^MLFLOW_TRACKING_URI: {tmp_path} is a folder"):
        credentials.check_addresses()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.setenv("PREFECT_API_URL", "127.0.0.1:4200")
    with pytest.raises(InputError, match=r"^PREFECT_API_URL: 127\.0\.0\.1:4200 is not the address"):
        credentials.check_addresses()
