"""`coldpress doctor`: versions, processor, servers and disk space of this machine."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import version

from rich.markup import escape
from rich.table import Table

from coldpress import cpu
from coldpress.errors import InputError
from flows.cli.server_checks import server_status
from tasks.environment import credentials, home

_LIBRARIES = ("coldpress", "torch", "transformers", "onnx", "onnxruntime", "prefect", "mlflow")


def machine_table() -> Table:
    """Return versions, instruction sets, servers and disk space as a table."""
    table = Table("item", "value", box=None)
    for item, value in (*_software(), *_processor(), *_servers(), *_disk_space()):
        table.add_row(item, escape(value))
    return table


def _software() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    for name in _LIBRARIES:
        yield name, version(name)


def _processor() -> Iterator[tuple[str, str]]:
    yield "cores", str(os.cpu_count())
    yield "instruction sets", ", ".join(cpu.instruction_sets()) or "none relevant"
    if cpu.has_vnni():
        yield "int8 weights", "8 bits: VNNI adds products without saturating"
    else:
        yield "int8 weights", "7 bits: without VNNI, sums of 8-bit products can saturate"


def _servers() -> Iterator[tuple[str, str]]:
    try:
        home.use_stack_if_up(home.home_directory())
    except InputError as error:
        yield "stack", str(error)
    for name, server in (
        ("Prefect", credentials.PREFECT_VARIABLE),
        ("MLflow", credentials.MLFLOW_VARIABLE),
    ):
        yield name, server_status(server)


def _disk_space() -> Iterator[tuple[str, str]]:
    directory = home.home_directory()
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    yield "home", str(directory)
    yield "free disk", f"{shutil.disk_usage(existing).free / 2**30:.1f} GiB"
