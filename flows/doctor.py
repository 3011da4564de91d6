"""What this machine has and what a recipe would meet on it."""

from __future__ import annotations

import os
import platform
import shutil
import socket
from collections.abc import Iterator
from importlib.metadata import version
from urllib.parse import urlparse

from rich.markup import escape
from rich.table import Table

from coldpress import processor
from tasks import home

_LIBRARIES = ("coldpress", "torch", "transformers", "onnx", "onnxruntime", "prefect", "mlflow")
_SERVERS = {"Prefect": "PREFECT_API_URL", "MLflow": "MLFLOW_TRACKING_URI"}


def findings() -> Table:
    """Return versions, instruction sets, servers and space as a table."""
    table = Table("what", "found", box=None)
    for what, found in (*_software(), *_processor(), *_servers(), *_space()):
        table.add_row(what, escape(found))
    return table


def _software() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    for name in _LIBRARIES:
        yield name, version(name)


def _processor() -> Iterator[tuple[str, str]]:
    yield "cores", str(os.cpu_count())
    yield "instruction sets", ", ".join(processor.instruction_sets()) or "none that matter"
    if processor.has_vnni():
        yield "int8 weights", "8 bits: VNNI adds products without saturating"
    else:
        yield "int8 weights", "7 bits: without VNNI, products of 8 bits can saturate"


def _servers() -> Iterator[tuple[str, str]]:
    for name, variable in _SERVERS.items():
        address = os.environ.get(variable, "")
        try:
            parsed = urlparse(address)
            port = parsed.port or (443 if parsed.scheme == "https" else 80)
        except ValueError as error:
            yield name, f"{variable} is no address: {error}"
            continue
        if not parsed.hostname:
            yield name, address or "embedded"
            continue
        place = f"{parsed.scheme}://{parsed.hostname}:{port}"
        yield name, f"{place} {'answers' if _answers(parsed.hostname, port) else 'does not answer'}"


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=3):
            return True
    except OSError:
        return False


def _space() -> Iterator[tuple[str, str]]:
    directory = home.home()
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    yield "home", str(directory)
    yield "free disk", f"{shutil.disk_usage(existing).free / 2**30:.1f} GiB"
