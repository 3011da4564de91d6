"""Which variables of the user's environment count, and which are kept away from a run.

With no server configured a run is self-contained: settings that were made for other projects
neither change where its data goes nor break it.
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
"""What may be set for MLflow where models are registered in the home."""
PREFECT_HONOURED = frozenset({"PREFECT_HOME", "PREFECT_LOGGING_LEVEL", "PREFECT_UI_URL"})
"""What may be set for Prefect when no Prefect server is configured."""
_ALWAYS_REMOVED = (
    # What a stage writes would be lost if the process ended before a background thread wrote it.
    "MLFLOW_ENABLE_ASYNC_LOGGING",
    # They move what is written to the run, model or experiment of another program.
    "MLFLOW_RUN_ID",
    "MLFLOW_RUN_CONTEXT",
    "MLFLOW_ACTIVE_MODEL_ID",
    "_MLFLOW_ACTIVE_MODEL_ID",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING",
    # What launches several processes sets them; one that finds them waits for the others.
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
)
_ACCELERATE_HONOURED = frozenset({"ACCELERATE_USE_CPU", "ACCELERATE_TORCH_DEVICE"})
"""What may be set for Accelerate. The rest of it changes what is trained, and no cache key."""
WEB_SERVERS = ("UVICORN_", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "FORWARDED_ALLOW_IPS")
"""Settings of the web servers that MLflow and Prefect run in."""
_WARN_IF_IGNORED = (
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_BACKEND_STORE_URI",
    "MLFLOW_TRACKING_TOKEN",
    "PREFECT_API_KEY",
    "PREFECT_PROFILE",
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
)
"""Whoever sets one of them may expect a run to go there."""
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
    """Take blank variables for unset, clean addresses, and keep loopback away from proxies."""
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
    """Without white space and quotes around it, which files of variables leave there."""
    address = address.strip()
    if len(address) > 1 and address[0] == address[-1] and address[0] in "'\"":
        address = address[1:-1].strip()
    if address.startswith("sqlite:///") and not address.startswith("sqlite:////"):
        return _absolute_sqlite_uri(address.removeprefix("sqlite:///"))
    return address.rstrip("/") if address.startswith("http") else address


def _absolute_sqlite_uri(file: str) -> str:
    """The address of a SQLite file, whichever directory it is used from later."""
    path, mark, query = file.partition("?")
    if not path or path.startswith((":memory:", "file:")):
        return f"sqlite:///{file}"
    return f"sqlite:///{Path(path).absolute()}{mark}{query}"


def _ignore_missing_certificates() -> None:
    """A file of certificates that is missing breaks clients that need none."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        place = os.environ.get(name)
        if place is not None and not Path(place).exists():
            _ignore([name], f"{place} does not exist")


def _configure_proxies() -> None:
    """The hub is reached through a proxy, and servers on this machine are not."""
    named = [name for name in os.environ if name.lower() in _PROXIES and os.environ[name].strip()]
    for name in named:
        fault = _proxy_error(os.environ[name])
        if fault:
            _ignore([name], fault)
    if named:
        _bypass_loopback()


def _proxy_error(proxy: str) -> str | None:
    """Why a client refuses to be made beside this proxy, even for addresses that bypass it."""
    try:
        parsed = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        usable = parsed.hostname and (parsed.port is None or parsed.port > 0)
    except ValueError:
        usable = None
    if not usable or parsed.scheme not in {"http", "https", "socks5", "socks5h"}:
        return "it is not the address of a proxy that can be used"
    if parsed.scheme.startswith("socks") and find_spec("socksio") is None:
        return "SOCKS proxies need the package socksio, which is not installed"
    return None


def _bypass_loopback() -> None:
    """Both spellings are set, since each library reads one of them first."""
    names = ("no_proxy", "NO_PROXY")
    listed = [host.strip() for name in names for host in os.environ.get(name, "").split(",")]
    hosts = ["*"] if "*" in listed else [host for host in listed if host] + list(_LOOPBACK)
    for name in names:
        os.environ[name] = ",".join(dict.fromkeys(hosts))


def isolate_mlflow() -> None:
    """Drop what is set for MLflow: to be called where models are registered in the home."""
    _drop(("MLFLOW_", "_MLFLOW_"), MLFLOW_HONOURED, "MLFLOW_TRACKING_URI names no server")


def isolate_prefect(home: Path) -> None:
    """Drop what is set for Prefect: to be called where no Prefect server is configured.

    Once Prefect is imported, its settings are read and this changes nothing.

    Args:
        home: Where profiles are looked for instead of in `~/.prefect`.
    """
    if "prefect" in sys.modules:
        return
    _drop(("PREFECT_",), PREFECT_HONOURED, "PREFECT_API_URL is not set")
    _drop(WEB_SERVERS, frozenset(), "")
    os.environ["PREFECT_PROFILES_PATH"] = str(home / "prefect" / "profiles.toml")


def _drop(prefixes: tuple[str, ...], honoured: frozenset[str], reason: str) -> None:
    # Prefect reads its variables in any case; those with two underscores are its own.
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
    """Drop variables, and write so once."""
    line = f"{', '.join(sorted(names))}: ignored, since {reason}"
    for name in names:
        os.environ.pop(name, None)
    if line not in _past_warnings and sys.stderr is not None:
        _past_warnings.add(line)
        sys.stderr.write(f"coldpress: {line}\n")
