"""Load on `coldpress serve` while its champion changes, beside `mlflow models serve`.

    python benchmarks/serve.py trec 1 2

The registry of this home must have both versions of the model. First the service answers one
request; printed are the time from its start and its resident memory. Then clients, each on one
connection, send one text at a time, while the alias `champion` moves between the versions. Every
answer is compared with that of the version which it names. At last the same clients ask MLflow's
server, which serves the first version. The champion is the one before afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from http_load import Expected, Load, Plan, first_answer, print_load, rate, send
from serve_process import (
    TEXTS,
    announced_port,
    bodies,
    memory,
    processor_seconds,
    python_process,
)

from coldpress.onnx.predictor import Predictor
from tasks.tracking import registry, runs
from tasks.tracking.deployable import find_version, open_deployable


def main() -> None:
    """Measure and print."""
    options = _options()
    references = [f"{options.model}/{number}" for number in options.versions]
    expected = {reference: _predictions(reference) for reference in references}
    before = registry.version_with_alias(options.model, registry.CHAMPION)
    _set_champion(options.model, options.versions[0])
    try:
        ours = _measure_service(options, expected)
    finally:
        if before is not None:
            _set_champion(options.model, str(before.version))
    if not options.no_mlflow:
        theirs = _measure_mlflow(references[0], options, expected[references[0]])
        ratio = rate(ours) / rate(theirs)
        print(f"requests per second, as a multiple of MLflow's server: {ratio:.1f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", help="registered name")
    parser.add_argument("versions", nargs=2, help="numbers of two versions")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--changes", type=int, default=20, help="of the champion")
    parser.add_argument(
        "--pause", type=float, default=0, help="seconds between a client's requests"
    )
    parser.add_argument("--no-mlflow", action="store_true", help="without MLflow's server")
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(options.clients, options.seconds, options.pause)


def _predictions(reference: str) -> list[Any]:
    with open_deployable(find_version(reference)) as checkpoint:
        records = Predictor(checkpoint.path).predict(TEXTS)
    return json.loads(json.dumps(records))  # type: ignore[no-any-return]


def _set_champion(model: str, number: str) -> None:
    runs.client().set_registered_model_alias(model, registry.CHAMPION, number)


def _measure_service(options: argparse.Namespace, expected: Expected) -> Load:
    command = ["-m", "flows.cli", "serve", f"{options.model}@champion", "--port", "0"]
    with (
        tempfile.TemporaryDirectory() as folder,
        python_process(command, Path(folder)) as (server, log),
    ):
        began = time.perf_counter()
        port = announced_port(server, log)
        asyncio.run(first_answer(port, "/predict", bodies()[0]))
        print(f"first answer after {time.perf_counter() - began:.2f} s, with {memory(server)}")
        used = processor_seconds(server)
        with ProcessPoolExecutor(1) as pool:
            job = pool.submit(send, port, "/predict", bodies(), _plan(options), dict(expected))
            time.sleep(1)
            for change in range(1, options.changes + 1):
                _set_champion(options.model, options.versions[change % 2])
                time.sleep(max(0, options.seconds - 2) / max(1, options.changes))
            load = job.result()
        print_load("coldpress serve", load)
        print(_processor_time(processor_seconds(server) - used, load))
        print(f"after the load: {memory(server)}")
        server.send_signal(signal.SIGTERM)
        print(f"exit code after SIGTERM: {server.wait(60)}")
    return load


def _measure_mlflow(reference: str, options: argparse.Namespace, expected: list[Any]) -> Load:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-m", "mlflow", "models", "serve", "-m", f"models:/{reference}"]
    command += ["-p", str(port), "--env-manager", "local"]
    with (
        tempfile.TemporaryDirectory() as folder,
        python_process(command, Path(folder)) as (server, _),
    ):
        began = time.perf_counter()
        inputs = [json.dumps({"inputs": {"text": [text]}}).encode() for text in TEXTS]
        asyncio.run(first_answer(port, "/invocations", inputs[0]))
        print(f"MLflow's server: first answer after {time.perf_counter() - began:.2f} s")
        used = processor_seconds(server)
        with ProcessPoolExecutor(1) as pool:
            arguments = (port, "/invocations", inputs, _plan(options), {"": expected})
            load = pool.submit(send, *arguments).result()
        print_load("mlflow models serve", load)
        print(_processor_time(processor_seconds(server) - used, load))
    return load


def _processor_time(seconds: float, load: Load) -> str:
    return f"  {1e6 * seconds / len(load.latencies):.0f} us of processor time per request"


if __name__ == "__main__":
    main()
