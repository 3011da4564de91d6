"""Upload and download of one large file, through MLflow's server and directly to its storage.

    python benchmarks/large_artifacts.py --bytes 1000000000
    python benchmarks/large_artifacts.py --bytes 1000000000 --direct s3://bucket/folder

Starts the MLflow server that `coldpress up` starts, with an empty database. The file is first sent
through the server's artifact proxy, then to an experiment whose files clients store themselves: in
a folder, such as a mounted volume, or in a bucket. Prints seconds, and the largest resident memory
of all of the server's processes while it was idle, in the upload and in the download.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from servers import free_port, wait_for

from flows.stack import servers
from tasks.environment import local_stack
from tasks.environment.local_stack import MLFLOW

_CHUNK = 1 << 20


def main() -> None:
    """Measure both ways and print a table."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.directory) as name, _server(Path(name)) as server:
        folder = Path(name)
        file = folder / "large.bin"
        _write_random(file, options.bytes)
        idle = _peak_memory(server)
        print(f"{options.bytes / 1e6:,.0f} MB; the server used {idle:,.0f} MiB when idle")
        print("way     direction   seconds    MB/s   server MiB")
        direct = options.direct or (folder / "direct").as_uri()
        for way, location in (("proxy", None), ("direct", direct)):
            for direction, transfer in _transfers(way, location, file):
                _report(way, direction, transfer, options.bytes, server)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=10**9)
    parser.add_argument("--direct", help="file:// or s3:// location; default: a temporary folder")
    parser.add_argument("--directory", help="where all files are written; default: the system's")
    return parser.parse_args()


@contextmanager
def _server(folder: Path) -> Iterator[psutil.Process]:
    """Start the server of `coldpress up` with a home of its own."""
    home, port = folder / "home", free_port()
    local_stack.artifact_folder(home).mkdir(parents=True)
    command = servers.command(home, MLFLOW, port)
    environment = servers.environment(home, MLFLOW, {MLFLOW: port})
    environment["TMPDIR"] = str(folder)
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = local_stack.loopback_url(port)
    os.environ["MLFLOW_TRACKING_URI"] = address
    try:
        wait_for(f"{address}/health")
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _write_random(file: Path, size: int) -> None:
    with file.open("wb") as stream:
        for start in range(0, size, _CHUNK):
            stream.write(os.urandom(min(_CHUNK, size - start)))
        os.fsync(stream.fileno())


def _transfers(
    way: str, location: str | None, file: Path
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the upload and the download of a file, in a new experiment."""
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts

    client = MlflowClient()
    run_id = client.create_run(client.create_experiment(way, location)).info.run_id
    yield "upload", lambda: client.log_artifact(run_id, str(file))
    target = file.parent / f"{way}-downloaded"
    uri = f"runs:/{run_id}/{file.name}"
    if location is not None and location.startswith("file:"):
        return  # read in place
    yield "download", lambda: download_artifacts(artifact_uri=uri, dst_path=str(target))


def _report(
    way: str, direction: str, transfer: Callable[[], object], size: int, server: psutil.Process
) -> None:
    _forget_peaks(server)
    began = time.perf_counter()
    transfer()
    seconds = time.perf_counter() - began
    speed = size / 1e6 / seconds
    peak = _peak_memory(server)
    print(f"{way:7} {direction:10} {seconds:8.2f} {speed:7.0f} {peak:12,.0f}")


def _processes(server: psutil.Process) -> list[psutil.Process]:
    return [server, *server.children(recursive=True)]


def _forget_peaks(server: psutil.Process) -> None:
    """Let Linux count the largest resident memory from now on."""
    for process in _processes(server):
        Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")


def _peak_memory(server: psutil.Process) -> float:
    """Return the sum of the processes' largest resident memory, in MiB."""
    total = 0
    for process in _processes(server):
        text = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in text.splitlines() if line.startswith("VmHWM:"))
        total += int(line.split()[1])
    return total / 1024


if __name__ == "__main__":
    main()
