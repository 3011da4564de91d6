"""Start-up time and memory of a pulled model, alone and in MLflow's server beside an empty model.

    coldpress pull trec@champion DIR
    python benchmarks/serving.py DIR

First the bare predictor: from process start to the first prediction, and its resident memory. Then,
alternating, MLflow's server with this model and with an empty pyfunc: from process start to the
first response over HTTP, and the resident memory of the worker. Prints medians and all values.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

TEXT = "how far is it from the mill to the market"
EMPTY = """
class Empty:
    def predict(self, model_input, params=None):
        return []

def _load_pyfunc(data_path):
    return Empty()
"""
GOALS = {
    "bare seconds": 0.6,
    "bare MB": 130.0,
    "served seconds over an empty pyfunc": 0.5,
    "served MB over an empty pyfunc": 60.0,
}

Figures = tuple[float, float]
"""Seconds to the first prediction, and resident megabytes at that time."""


def main() -> None:
    """Measure and print the tables."""
    options = _options()
    bare = [_bare(options.model) for _ in range(options.rounds)]
    _print("bare predictor", bare)
    with tempfile.TemporaryDirectory() as folder:
        models = {"empty pyfunc": _empty(Path(folder)), "model": _packed(options.model, folder)}
        served: dict[str, list[Figures]] = {name: [] for name in models}
        for turn in range(options.rounds):
            for name in sorted(models, reverse=bool(turn % 2)):
                served[name].append(_served(models[name], Path(folder)))
    for name, figures in served.items():
        _print(f"served {name}", figures)
    _judge(bare, served["model"], served["empty pyfunc"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", type=Path, help="folder written by `coldpress pull`")
    parser.add_argument("--rounds", type=int, default=5, help="starts per model")
    return parser.parse_args()


def _bare(model: Path) -> Figures:
    from coldpress.onnx.isolated_process import measure_cold_start

    seconds, resident = measure_cold_start(model, model, ([TEXT], None))
    return seconds, resident / 1e6


def _empty(folder: Path) -> Path:
    import mlflow.pyfunc

    (folder / "empty_model.py").write_text(EMPTY)
    mlflow.pyfunc.save_model(
        str(folder / "empty"),
        loader_module="empty_model",
        code_paths=[str(folder / "empty_model.py")],
        pip_requirements=["mlflow"],
    )
    return folder / "empty"


def _packed(model: Path, folder: str) -> Path:
    from tasks.tracking.pyfunc import package_pyfunc

    return package_pyfunc(model.resolve(), Path(folder) / "packed")


def _served(model: Path, folder: Path) -> Figures:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "-p", port]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
    }
    started = time.perf_counter()
    server = subprocess.Popen(
        [*command, "--env-manager", "local"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _first_answer(server, f"http://127.0.0.1:{port}/invocations")
        passed = time.perf_counter() - started
        return passed, _worker(server).memory_info().rss / 1e6
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _first_answer(server: subprocess.Popen[bytes], address: str) -> None:
    """Send a request until the server responds; an HTTP error ends the benchmark."""
    body = json.dumps({"inputs": {"text": [TEXT]}}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    while server.poll() is None:
        try:
            urllib.request.urlopen(request, timeout=60).read()
        except urllib.error.HTTPError as error:
            raise SystemExit(error.read().decode()) from error
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise SystemExit(f"the server ended with {server.returncode}")


def _worker(server: subprocess.Popen[bytes]) -> psutil.Process:
    """Return the process that serves: the launcher's child or grandchild."""
    family = psutil.Process(server.pid).children(recursive=True)
    return max(family, key=lambda process: int(process.memory_info().rss))


def _print(name: str, figures: Sequence[Figures]) -> None:
    for place, unit, digits in ((0, "s", 2), (1, "MB", 0)):
        values = " ".join(f"{pair[place]:.{digits}f}" for pair in figures)
        print(f"{name:22}{_median(figures, place):9.{digits}f} {unit:3} ({values})")


def _median(figures: Sequence[Figures], place: int) -> float:
    return statistics.median(pair[place] for pair in figures)


def _judge(*figures: Any) -> None:  # noqa: ANN401
    bare, model, empty = ([_median(pairs, place) for place in (0, 1)] for pairs in figures)
    values = (*bare, model[0] - empty[0], model[1] - empty[1])
    for (goal, most), value in zip(GOALS.items(), values, strict=True):
        print(f"{goal:38}{value:9.2f}  goal {most:g}  {'met' if value <= most else 'MISSED'}")


if __name__ == "__main__":
    main()
