"""Clean the user's environment variables and isolate embedded runs from them.

If no server is configured, a run is self-contained: settings meant for other projects neither
redirect its data nor break it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

MLFLOW_HONOURED = frozenset(
    {"MLFLOW_TRACKING_URI", "MLFLOW_LOGGING_LEVEL", "MLFLOW_DISABLE_TELEMETRY"}
)
"""MLflow variables that are kept if the registry is in the home."""
PREFECT_HONOURED = frozenset({"PREFECT_HOME", "PREFECT_LOGGING_LEVEL", "PREFECT_UI_URL"})
"""Prefect variables that are kept if no Prefect server is configured."""
_ALWAYS_REMOVED = (
    # A stage's metrics would be lost if the process ended before the background thread wrote them.
    "MLFLOW_ENABLE_ASYNC_LOGGING",
    # They redirect what is logged to the run, model or experiment of another program.
    "MLFLOW_RUN_ID",
    "MLFLOW_RUN_CONTEXT",
    "MLFLOW_ACTIVE_MODEL_ID",
    "_MLFLOW_ACTIVE_MODEL_ID",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING",
    # Set by launchers of several processes; a process with these would wait for the others.
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
)
_ACCELERATE_HONOURED = frozenset({"ACCELERATE_USE_CPU", "ACCELERATE_TORCH_DEVICE"})
"""Accelerate variables that are kept; the others affect training but not the cache key."""
WEB_SERVERS = ("UVICORN_", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "FORWARDED_ALLOW_IPS")
"""Settings of the web servers that run MLflow and Prefect."""
_WARN_IF_IGNORED = (
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_BACKEND_STORE_URI",
    "MLFLOW_TRACKING_TOKEN",
    "PREFECT_API_KEY",
    "PREFECT_PROFILE",
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
)
"""Variables whose removal is reported, since the user may expect them to take effect."""
_ADDRESSES = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_REGISTRY_URI",
    "PREFECT_API_URL",
    "COLDPRESS_MLFLOW_URL",
)
_BLANK_IS_UNSET = re.compile(
    r"(COLDPRESS|_?MLFLOW|PREFECT|HF|HUGGINGFACE|TRANSFORMERS|ORT|OMP|GOMP|MKL|TOKENIZERS|XDG)_.*"
    r"|HOME|TMPDIR|TEMP|TMP|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|MPLCONFIGDIR"
)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_past_warnings: set[str] = set()


def clean_environment() -> None:
    """Remove blank variables, clean addresses, and exclude loopback from proxies."""
    for name, value in list(os.environ.items()):
        if not value.strip() and _BLANK_IS_UNSET.fullmatch(name):
            del os.environ[name]
    for name in _ADDRESSES:
        if name in os.environ:
            os.environ[name] = _clean_address(os.environ[name])
    for name in _ALWAYS_REMOVED:
        os.environ.pop(name, None)
    _drop(("ACCELERATE_",), _ACCELERATE_HONOURED, "")
    _ignore_missing_certificates()
    _configure_proxies()


def _clean_address(address: str) -> str:
    """Strip white space and quotes, which files of variables may leave, from an address."""
    address = address.strip()
    if len(address) > 1 and address[0] == address[-1] and address[0] in "'\"":
        address = address[1:-1].strip()
    if address.startswith("sqlite:///") and not address.startswith("sqlite:////"):
        return _absolute_sqlite_uri(address.removeprefix("sqlite:///"))
    return address.rstrip("/") if address.startswith("http") else address


def _absolute_sqlite_uri(file: str) -> str:
    """Return the URI of a SQLite file with an absolute path."""
    path, mark, query = file.partition("?")
    if not path or path.startswith((":memory:", "file:")):
        return f"sqlite:///{file}"
    return f"sqlite:///{Path(path).absolute()}{mark}{query}"


def _ignore_missing_certificates() -> None:
    """Ignore missing certificate files, which break clients that need no certificates."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        path = os.environ.get(name)
        if path is not None and not Path(path).exists():
            _ignore([name], f"{path} does not exist")


def _configure_proxies() -> None:
    """Ignore unusable proxies and exclude servers on this machine from the others."""
    proxies = [name for name in os.environ if name.lower() in _PROXIES and os.environ[name].strip()]
    for name in proxies:
        error = _proxy_error(os.environ[name])
        if error:
            _ignore([name], error)
    if proxies:
        _bypass_loopback()


def _proxy_error(proxy: str) -> str | None:
    """Return why clients reject a proxy, even for addresses that bypass it; None if usable."""
    try:
        parsed = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        usable = parsed.hostname and (parsed.port is None or parsed.port > 0)
    except ValueError:
        usable = None
    if not usable or parsed.scheme not in {"http", "https", "socks5", "socks5h"}:
        return "it is not a usable proxy address"
    if parsed.scheme.startswith("socks") and find_spec("socksio") is None:
        return "SOCKS proxies need the package socksio, which is not installed"
    return None


def _bypass_loopback() -> None:
    """Exclude loopback from proxies in both variables, since libraries read different ones."""
    names = ("no_proxy", "NO_PROXY")
    listed = [host.strip() for name in names for host in os.environ.get(name, "").split(",")]
    hosts = ["*"] if "*" in listed else [host for host in listed if host] + list(_LOOPBACK)
    for name in names:
        os.environ[name] = ",".join(dict.fromkeys(hosts))


def isolate_mlflow() -> None:
    """Remove variables of MLflow; to be called if the registry is in the home."""
    _drop(("MLFLOW_", "_MLFLOW_"), MLFLOW_HONOURED, "MLFLOW_TRACKING_URI names no server")


def isolate_prefect(home: Path) -> None:
    """Remove variables of Prefect; to be called if no Prefect server is configured.

    Has no effect after Prefect is imported, which reads its settings.

    Args:
        home: The home, in which profiles are searched instead of `~/.prefect`.
    """
    if "prefect" in sys.modules:
        return
    _drop(("PREFECT_",), PREFECT_HONOURED, "PREFECT_API_URL is not set")
    _drop(WEB_SERVERS, frozenset(), "")
    os.environ["PREFECT_PROFILES_PATH"] = str(home / "prefect" / "profiles.toml")


def _drop(prefixes: tuple[str, ...], honoured: frozenset[str], reason: str) -> None:
    # Prefect ignores case in names; those with two underscores are internal.
    dropped = [
        name
        for name in os.environ
        if name.upper().startswith(prefixes)
        and not name.startswith("PREFECT__")
        and name not in honoured
    ]
    expected = [name for name in dropped if name in _WARN_IF_IGNORED]
    if expected:
        _ignore(expected, reason)
    for name in dropped:
        os.environ.pop(name, None)


def _ignore(names: Iterable[str], reason: str) -> None:
    """Remove variables and print a message about it once."""
    line = f"{', '.join(sorted(names))}: ignored, since {reason}"
    for name in names:
        os.environ.pop(name, None)
    if line not in _past_warnings and sys.stderr is not None:
        _past_warnings.add(line)
        sys.stderr.write(f"coldpress: {line}\n")
