"""Settings that were made for other projects: which of them reach a run, and which do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from requests.utils import get_environ_proxies

from coldpress.errors import InputError
from tasks.environment import home, variables
from tasks.tracking import runs

PROXY = "http://proxy.example:3128"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
SETTINGS = """
import json, os, sys
from tasks.environment import home
home.configure_environment()
home.import_prefect()
from prefect.settings import PREFECT_RUNNER_PROCESS_LIMIT, get_current_settings, temporary_settings
with temporary_settings({PREFECT_RUNNER_PROCESS_LIMIT: 3}):
    found = get_current_settings()
print(json.dumps({
    "url": found.api.url,
    "key": found.api.key and "set",
    "auth": found.server.api.auth_string and "set",
    "retries": found.tasks.default_retries,
    "client retries": found.client.max_retries,
    "database": found.server.database.connection_url.get_secret_value(),
    "home": str(found.home),
    "level": found.logging.level,
    "ephemeral": found.server.ephemeral.enabled,
    "cwd": os.getcwd(),
}))
"""
PREFECT_TOML = """
[api]
url = "http://127.0.0.1:9/api"
[server.api]
auth_string = "user:password"
[tasks]
default_retries = 5
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without the settings of this machine."""
    for name in list(os.environ):
        proxy = name.upper() in PROXIES
        if proxy or name.upper().startswith(("MLFLOW_", "_MLFLOW_", "PREFECT_", "COLDPRESS_")):
            del os.environ[name]
    monkeypatch.setattr(variables, "_past_warnings", set())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A home; nothing else is configured."""
    os.environ["COLDPRESS_HOME"] = str(tmp_path / "home")
    return tmp_path / "home"


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_variable_is_unset(
    blank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("COLDPRESS_HOME", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "PREFECT_API_URL")
    more = ("PREFECT_HOME", "OMP_NUM_THREADS", "HF_HOME", "XDG_CACHE_HOME", "TMPDIR")
    for name in (*names, *more):
        os.environ[name] = blank
    assert home.is_unused()
    home.configure_environment()
    default = tmp_path / ".coldpress"
    assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{default}/mlflow.db"
    assert os.environ["PREFECT_HOME"] == f"{default}/prefect"
    removed = {"MLFLOW_REGISTRY_URI", "PREFECT_API_URL", "HF_HOME", "XDG_CACHE_HOME", "TMPDIR"}
    assert not removed & os.environ.keys()
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" http://tracking.example:5000/ ", "http://tracking.example:5000"),
        ("'http://tracking.example'", "http://tracking.example"),
        ('"https://tracking.example/"', "https://tracking.example"),
        ("postgresql://db/mlflow", "postgresql://db/mlflow"),
        ("sqlite:////somewhere/m.db", "sqlite:////somewhere/m.db"),
    ],
)
def test_white_space_and_quotes_are_stripped_from_addresses(value: str, expected: str) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = value
    variables.clean_environment()
    assert os.environ["MLFLOW_TRACKING_URI"] == expected


def test_a_relative_database_is_the_same_one_in_every_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///mine.db?timeout=5"
    home.configure_environment()
    monkeypatch.chdir("/")
    home.configure_environment()
    assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/mine.db?timeout=5"


def test_mlflow_settings_of_other_projects_are_ignored(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = {
        "MLFLOW_REGISTRY_URI": "http://registry.example",
        "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH": "1",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_TRACKING_USERNAME": "anna",
        "MLFLOW_WORKSPACE": "team",
        "_MLFLOW_SERVER_FILE_STORE": "/nowhere",
        "MLFLOW_RUN_ID": "0" * 32,
        "MLFLOW_EXPERIMENT_NAME": "theirs",
        "MLFLOW_LOGGING_LEVEL": "DEBUG",
    }
    os.environ.update(foreign)
    home.configure_environment()
    assert foreign.keys() & os.environ.keys() == {"MLFLOW_LOGGING_LEVEL"}
    assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{directory}/mlflow.db"
    home.configure_environment()
    line = "coldpress: MLFLOW_REGISTRY_URI: ignored, since MLFLOW_TRACKING_URI names no server\n"
    assert capsys.readouterr().err == line


def test_the_database_of_the_home_may_be_configured_explicitly(directory: Path) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{directory}/mlflow.db"
    os.environ["MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH"] = "1"
    directory.mkdir()
    home.configure_environment()
    assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{directory}/mlflow.db"
    assert "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH" not in os.environ


def test_a_prefect_home_that_cannot_have_a_database_is_refused(
    directory: Path, tmp_path: Path
) -> None:
    os.environ["PREFECT_HOME"] = str(tmp_path / "what?now")
    with pytest.raises(InputError, match=r"^PREFECT_HOME: .* contains a question mark"):
        home.configure_environment()
    os.environ["PREFECT_API_URL"] = "http://prefect.example/api"
    home.configure_environment()


def test_with_a_server_only_redirecting_variables_are_removed(
    directory: Path,
) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = "http://tracking.example:5000"
    os.environ["MLFLOW_TRACKING_USERNAME"] = "anna"
    os.environ["MLFLOW_RUN_ID"] = os.environ["MLFLOW_ENABLE_ASYNC_LOGGING"] = "true"
    home.configure_environment()
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "anna"
    assert not {"MLFLOW_RUN_ID", "MLFLOW_ENABLE_ASYNC_LOGGING"} & os.environ.keys()


@pytest.fixture
def accelerate_state() -> Iterator[None]:
    """Accelerate keeps its settings for a whole process: later trainings choose their own."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.usefixtures("accelerate_state")
def test_training_ignores_accelerate_settings_of_other_programs() -> None:
    """With this variable Accelerate divides each loss by 8, which is in no cache key."""
    os.environ["ACCELERATE_GRADIENT_ACCUMULATION_STEPS"] = "8"
    os.environ["ACCELERATE_USE_CPU"] = os.environ["LOCAL_RANK"] = os.environ["WORLD_SIZE"] = "1"
    variables.clean_environment()
    accelerator = Accelerator()
    assert accelerator.gradient_accumulation_steps == accelerator.num_processes == 1
    assert os.environ["ACCELERATE_USE_CPU"] == "1"


def test_a_registry_in_another_store_than_the_runs_is_refused(directory: Path) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = "http://tracking.example:5000"
    os.environ["MLFLOW_REGISTRY_URI"] = "http://tracking.example:5000/"
    home.configure_environment()
    os.environ["MLFLOW_REGISTRY_URI"] = "http://registry.example:5000"
    with pytest.raises(InputError, match=r"^MLFLOW_REGISTRY_URI: names another store than MLFLOW"):
        home.configure_environment()


def test_logging_is_synchronous_however_mlflow_is_configured(state: Path) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{state}/mlflow.db"
    os.environ["COLDPRESS_HOME"] = str(state)
    os.environ["MLFLOW_ENABLE_ASYNC_LOGGING"] = "true"
    run_id = runs.open_run(runs.ensure_experiment("trec"), "stage", {})
    os.environ["MLFLOW_ENABLE_ASYNC_LOGGING"] = "true"  # as mlflow.config does it
    runs.set_tags(run_id, {"gate": "passed"})
    assert runs.client().get_run(run_id).data.tags["coldpress.gate"] == "passed"


@pytest.mark.parametrize("name", [*PROXIES[:3], *(p.lower() for p in PROXIES[:3])])
def test_loopback_bypasses_a_proxy_and_the_hub_does_not(name: str) -> None:
    os.environ[name] = PROXY
    variables.clean_environment()
    for host in ("127.0.0.1", "localhost"):
        assert urllib.request.proxy_bypass(f"{host}:4200")
        assert get_environ_proxies(f"http://{host}:5000/api") == {}
    direct = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}
    assert direct.items() <= httpx._utils.get_environment_proxies().items()
    assert not urllib.request.proxy_bypass("huggingface.co")
    assert PROXY in get_environ_proxies("https://huggingface.co/api").values()


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "a.example, localhost"}, "a.example,localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "a", "no_proxy": "b"}, "b,a,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a,*"}, "*"),
        ({"NO_PROXY": ""}, "127.0.0.1,localhost,::1"),
    ],
)
def test_hosts_that_bypass_the_proxy_are_kept(listed: dict[str, str], expected: str) -> None:
    os.environ.update({"HTTPS_PROXY": PROXY, **listed})
    variables.clean_environment()
    variables.clean_environment()
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == expected


def test_without_a_proxy_nothing_is_set() -> None:
    variables.clean_environment()
    assert not {"NO_PROXY", "no_proxy"} & os.environ.keys()


@pytest.mark.parametrize(
    "proxy", ["socks5://proxy.example:1080", "socks4://p:1", "http://p:port", "http://", "ftp://p"]
)
def test_an_unusable_proxy_is_ignored_with_one_line(
    proxy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ["ALL_PROXY"] = proxy
    variables.clean_environment()
    httpx.Client().close()
    assert "ALL_PROXY" not in os.environ
    assert capsys.readouterr().err.startswith("coldpress: ALL_PROXY: ignored, since ")


def test_a_missing_certificate_file_is_ignored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ["SSL_CERT_FILE"] = str(tmp_path / "gone.pem")
    variables.clean_environment()
    httpx.Client().close()
    message = f"coldpress: SSL_CERT_FILE: ignored, since {tmp_path}/gone.pem does not exist\n"
    assert capsys.readouterr().err == message


def test_prefect_settings_of_other_projects_are_ignored(tmp_path: Path) -> None:
    """In the environment, in the working directory, and in the user's profiles."""
    (tmp_path / "prefect.toml").write_text(PREFECT_TOML)
    (tmp_path / "pyproject.toml").write_text("[tool.prefect.client]\nmax_retries = 0\n")
    (tmp_path / ".env").write_text("PREFECT_API_KEY=secret\n")
    (tmp_path / ".prefect").mkdir()
    (tmp_path / ".prefect" / "profiles.toml").write_text(
        'active = "cloud"\n[profiles.cloud]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'
    )
    foreign = {
        "HOME": str(tmp_path),
        "PREFECT_PROFILE": "cloud",
        "PREFECT_PROFILES_PATH": str(tmp_path / ".prefect" / "profiles.toml"),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:////nowhere/x.db",
        "prefect_tasks_default_retries": "7",
        "PREFECT_LOGGING_LEVEL": "ERROR",
    }
    process = subprocess.run(
        [sys.executable, "-c", SETTINGS],
        cwd=tmp_path,
        env={**os.environ, **foreign},
        check=True,
        capture_output=True,
        text=True,
    )
    default = tmp_path / ".coldpress"
    assert json.loads(process.stdout) == {
        "url": None,
        "key": None,
        "auth": None,
        "retries": 0,
        "client retries": 7,
        "database": f"sqlite+aiosqlite:///{default}/prefect/prefect.db",
        "home": f"{default}/prefect",
        "level": "ERROR",
        "ephemeral": True,
        "cwd": str(tmp_path),
    }
    ignored = "PREFECT_PROFILE, PREFECT_SERVER_DATABASE_CONNECTION_URL"
    assert f"coldpress: {ignored}: ignored, since PREFECT_API_URL is not set\n" in process.stderr
