"""What a pulled model takes to serve: alone, and behind MLflow beside a model that is empty.

    coldpress pull trec@champion DIR
    python benchmarks/serving.py DIR

First the bare predictor: from process start to the first answer, and its resident memory. Then, in
turns, MLflow's server with this model and with a pyfunc that answers nothing: from process start to
the first answer over HTTP, and the resident memory of the worker. Medians, and all figures.
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
"""Seconds to the first answer, and megabytes that were resident then."""


def main() -> None:
    """Measure, and print the tables."""
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
    parser.add_argument("model", type=Path, help="what `coldpress pull` wrote")
    parser.add_argument("--rounds", type=int, default=5, help="starts of each")
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
    """Ask until there is an answer; a refusal is no answer, and no reason to ask again."""
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
    """Return the process that answers: the launcher's child, or the child's."""
    family = psutil.Process(server.pid).children(recursive=True)
    return max(family, key=lambda process: int(process.memory_info().rss))


def _print(name: str, figures: Sequence[Figures]) -> None:
    for place, unit, digits in ((0, "s", 2), (1, "MB", 0)):
        all_of_them = " ".join(f"{one[place]:.{digits}f}" for one in figures)
        print(f"{name:22}{_median(figures, place):9.{digits}f} {unit:3} ({all_of_them})")


def _median(figures: Sequence[Figures], place: int) -> float:
    return statistics.median(one[place] for one in figures)


def _judge(*figures: Any) -> None:  # noqa: ANN401
    bare, model, empty = ([_median(one, place) for place in (0, 1)] for one in figures)
    found = (*bare, model[0] - empty[0], model[1] - empty[1])
    for (goal, most), value in zip(GOALS.items(), found, strict=True):
        print(f"{goal:38}{value:9.2f}  goal {most:g}  {'met' if value <= most else 'MISSED'}")


if __name__ == "__main__":
    main()
