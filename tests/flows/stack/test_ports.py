"""Assignment of ports to the servers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldpress.errors import InputError
from flows.stack import assign_ports, ports
from tasks.environment import local_stack, processes
from tasks.environment.local_stack import MLFLOW, PREFECT, ServerRecord

NO_REQUEST = {MLFLOW: None, PREFECT: None}


@pytest.fixture
def used_port() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose servers have run on ports of their own."""
    local_stack.stack_folder(tmp_path).mkdir()
    for server in (MLFLOW, PREFECT):
        with socket.create_server(("127.0.0.1", 0)) as free:
            local_stack.write_server_record(
                tmp_path, server, ServerRecord(free.getsockname()[1], None)
            )
    return tmp_path


def last(home: Path, server: str) -> int:
    port = local_stack.read_server_record(home, server).port
    assert port is not None
    return port


def test_a_port_with_a_listener_is_in_use(used_port: int) -> None:
    assert not ports.is_free(used_port)
    assert ports.next_free(used_port, ()) > used_port


def test_a_requested_port_in_use_is_refused_by_name(used_port: int) -> None:
    free = ports.next_free(used_port, ())
    with pytest.raises(InputError) as error:
        ports.require_free_port("--port-mlflow", used_port, ())
    message = str(error.value)
    assert message.startswith(f"--port-mlflow: {used_port} is taken by ")
    assert message.endswith(f" (pid {os.getpid()}); {free} is free")


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_an_invalid_port_is_refused(port: int) -> None:
    with pytest.raises(InputError, match=f"--port-prefect: {port} is not a port"):
        ports.require_free_port("--port-prefect", port, ())


def test_both_servers_come_back_where_they_were(home: Path) -> None:
    assert assign_ports.assign(home, NO_REQUEST) == {
        MLFLOW: last(home, MLFLOW),
        PREFECT: last(home, PREFECT),
    }


def test_a_stopped_server_whose_port_is_in_use_gets_the_next_free_one(
    home: Path, used_port: int
) -> None:
    local_stack.write_server_record(home, MLFLOW, ServerRecord(used_port, None))
    assigned = assign_ports.assign(home, NO_REQUEST)
    assert assigned[MLFLOW] == ports.next_free(used_port, (assigned[PREFECT],))
    assert assigned[PREFECT] == last(home, PREFECT)


def test_two_servers_never_get_one_port(home: Path) -> None:
    local_stack.write_server_record(home, PREFECT, ServerRecord(last(home, MLFLOW), None))
    assert len(set(assign_ports.assign(home, NO_REQUEST).values())) == 2
    both = dict.fromkeys((MLFLOW, PREFECT), last(home, MLFLOW))
    with pytest.raises(InputError, match="is taken by the other server"):
        assign_ports.assign(home, both)


def test_a_running_server_keeps_its_port(home: Path, used_port: int) -> None:
    local_stack.write_server_record(
        home, MLFLOW, ServerRecord(used_port, processes.current_process_identity())
    )
    assert assign_ports.assign(home, NO_REQUEST)[MLFLOW] == used_port
    with pytest.raises(
        InputError, match=f"it already runs on {used_port}; run `coldpress down` first"
    ):
        assign_ports.assign(home, {**NO_REQUEST, MLFLOW: ports.next_free(used_port, ())})
