"""What a challenger in the shadow costs a champion, and whether the reported agreement is right.

    python benchmarks/serve_shadow.py trec 1 2 --share 0.1

The registry of this home must have both versions; the aliases `champion` and `challenger` are moved
to them, and back afterwards. First a service with `--share 1` gets each text once: the agreement
that it reports is compared with that of both predictors run separately. Then the same load goes in
turns to a service without and one with the shadow, and ratios of the turns are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from http_load import Expected, Plan, first_answer, send
from serve_process import TEXTS, announced_port, bodies, processor_seconds, python_process

from coldpress.onnx.predictor import Predictor
from tasks.tracking import registry, runs
from tasks.tracking.deployable import find_version, open_deployable

ALIASES = ("champion", "challenger")


@dataclass(frozen=True)
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    port: int


@dataclass(frozen=True)
class Turn:
    """What one load of a service came to, in ms, requests per second, and us of processor time."""

    p50: float
    p99: float
    rate: float
    processor: float


def main() -> None:
    """Measure and print."""
    options = _options()
    with _aliases(options.model, options.versions):
        _compare_agreement(options)
        with ExitStack() as stack:
            plain = stack.enter_context(_service(options.model))
            shadow = stack.enter_context(_service(options.model, options.share))
            _measure(options, plain, shadow)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", help="registered name")
    parser.add_argument("versions", nargs=2, help="champion and challenger")
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--texts", type=Path, help="file with a text in each line")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=5, help="of a turn")
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument(
        "--pause", type=float, default=0, help="seconds between a client's requests"
    )
    return parser.parse_args()


@contextmanager
def _aliases(model: str, versions: Sequence[str]) -> Iterator[None]:
    """Move the aliases, and back after the block."""
    before = {alias: registry.version_with_alias(model, alias) for alias in ALIASES}
    for alias, number in zip(ALIASES, versions, strict=True):
        runs.client().set_registered_model_alias(model, alias, number)
    try:
        yield
    finally:
        for alias, version in before.items():
            if version is None:
                runs.client().delete_registered_model_alias(model, alias)
            else:
                runs.client().set_registered_model_alias(model, alias, str(version.version))


@contextmanager
def _service(model: str, share: float | None = None) -> Iterator[Service]:
    """Run a service, with a shadow if there is a share, and wait until it has its models."""
    command = ["-m", "flows.cli", "serve", f"{model}@champion", "--port", "0"]
    if share is not None:
        command += ["--shadow", f"{model}@challenger", "--share", str(share)]
    with (
        tempfile.TemporaryDirectory() as folder,
        python_process(command, Path(folder)) as (process, log),
    ):
        service = Service(process, announced_port(process, log))
        while share is not None and _shadow(service)["model"] is None:
            time.sleep(0.1)
        yield service


def _shadow(service: Service) -> Any:  # noqa: ANN401 - JSON
    address = f"http://127.0.0.1:{service.port}/model"
    with urllib.request.urlopen(address, timeout=60) as response:
        return json.load(response)["shadow"]


def _compare_agreement(options: argparse.Namespace) -> None:
    """Compare the reported agreement with that of two predictors that read the same texts."""
    texts = options.texts.read_text().splitlines() if options.texts else TEXTS
    with _service(options.model, 1.0) as service:
        for text in texts:
            body = json.dumps({"text": [text]}).encode()
            asyncio.run(first_answer(service.port, "/predict", body))
        while (metrics := _shadow(service)["metrics"]).get("texts", 0) < len(texts):
            time.sleep(0.1)
    first, second = (_labels(options.model, n, texts) for n in options.versions)
    equal = sum(a == b for a, b in zip(first, second, strict=True))
    separately = equal / len(first)
    print(f"agreement on {len(first)} texts: {metrics['agreement']:.6f} reported,", end=" ")
    print(f"{separately:.6f} of the predictors run separately")


def _labels(model: str, version: str, texts: Sequence[str]) -> list[Any]:
    with open_deployable(find_version(f"{model}/{version}")) as checkpoint:
        return [record["label"] for record in Predictor(checkpoint.path).predict(texts)]


def _measure(options: argparse.Namespace, plain: Service, shadow: Service) -> None:
    expected: Expected = {f"{options.model}/{options.versions[0]}": _records(options)}
    with ProcessPoolExecutor(1) as pool:
        turns: dict[str, list[Turn]] = {"without": [], "with": []}
        for number in range(options.turns):
            order = [("without", plain), ("with", shadow)][:: 1 if number % 2 else -1]
            for name, service in order:
                turns[name].append(_turn(pool, options, service, expected))
    for name, of_name in turns.items():
        print(f"{name} shadow: {_medians(of_name)}")
    print(f"with / without, median of {options.turns} pairs of turns: {_ratios(turns)}")
    print(f"compared: {_shadow(shadow)['metrics']}")


def _records(options: argparse.Namespace) -> list[Any]:
    with open_deployable(find_version(f"{options.model}/{options.versions[0]}")) as checkpoint:
        records = Predictor(checkpoint.path).predict(TEXTS)
    return json.loads(json.dumps(records))  # type: ignore[no-any-return]


def _turn(
    pool: ProcessPoolExecutor, options: argparse.Namespace, service: Service, expected: Expected
) -> Turn:
    plan = Plan(options.clients, options.seconds, options.pause)
    used = processor_seconds(service.process)
    load = pool.submit(send, service.port, "/predict", bodies(), plan, dict(expected)).result()
    used = processor_seconds(service.process) - used
    if load.failures:
        raise SystemExit(f"{len(load.failures)} failed: {load.failures[0]}")
    cuts = [1000 * cut for cut in statistics.quantiles(load.latencies, n=100)]
    count = len(load.latencies)
    return Turn(cuts[49], cuts[98], count / load.seconds, 1e6 * used / count)


def _medians(turns: Sequence[Turn]) -> str:
    middle = {name: statistics.median(getattr(turn, name) for turn in turns) for name in _NAMES}
    return (
        f"p50 {middle['p50']:.1f} ms, p99 {middle['p99']:.1f} ms, {middle['rate']:.0f} requests per"
        f" second, {middle['processor']:.0f} us of processor time each"
    )


_NAMES = ("p50", "p99", "rate", "processor")


def _ratios(turns: dict[str, list[Turn]]) -> str:
    pairs = list(zip(turns["with"], turns["without"], strict=True))
    ratios = {
        name: statistics.median(getattr(a, name) / getattr(b, name) for a, b in pairs)
        for name in _NAMES
    }
    return ", ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items())


if __name__ == "__main__":
    main()
