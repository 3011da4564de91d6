"""Faults around `coldpress serve`: outcome and requirement of each.

    python benchmarks/serve_faults.py [--outage 60] [--clients 50] [--sigterms 5] [--folder DIR]

It needs no home and no data: an MLflow server, two versions of a tiny model and one of text pairs
are made in a temporary folder. While clients send requests, the MLflow server is away, a champion
has an altered file, and the service gets SIGTERM. Then malformed requests are sent, each followed
by a valid one, and requests whose bodies never end. Connections that are refused after SIGTERM are
counted, but are no failure. Exits with 1 if a requirement is not met.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from faults import sandbox
from faults.registry_server import RegistryServer, registry_server
from faults.request_trials import malformed, unfinished_bodies
from faults.sandbox import TEXT, Sandbox
from faults.service_trials import (
    MODEL,
    Finding,
    Trials,
    altered_champion,
    registry_outage,
    sigterm,
)

_PAIRS = {"name": "pairs", "benchmark.kind": "ranking"}


def main() -> None:
    """Make the models, damage what is around the service, and print the table."""
    options = _options()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        with registry_server(folder.resolve() / "registry") as registry:
            findings = _findings(_prepare(folder.resolve(), registry), options)
    _print_table(findings)
    if not all(finding.holds for finding in findings):
        raise SystemExit(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--outage", type=float, default=60, help="seconds without registry server")
    parser.add_argument("--clients", type=int, default=50, help="during SIGTERM")
    parser.add_argument("--sigterms", type=int, default=5, help="how often")
    parser.add_argument("--folder", type=Path, help="empty folder; kept, with logs")
    return parser.parse_args()


def _findings(trials: Trials, options: argparse.Namespace) -> list[Finding]:
    findings = [*registry_outage(trials, options.outage), *altered_champion(trials)]
    for _ in range(options.sigterms):
        findings += sigterm(trials, options.clients)
    findings += malformed(trials, f"{MODEL}/1", pairs=False)
    findings += malformed(trials, "pairs/1", pairs=True)
    return [*findings, *unfinished_bodies(trials, f"{MODEL}/1")]


def _prepare(folder: Path, registry: RegistryServer) -> Trials:
    """Register two versions of a model and one of pairs, and promote the first."""
    made = sandbox.new(folder / "home")
    home = Sandbox(made.folder, {"MLFLOW_TRACKING_URI": registry.address})
    for seed in (1, 2):
        _run(home, {"seed": seed})
    _run(home, _PAIRS)
    _check(home, "promote", f"{MODEL}/1", "--reason", "the first one")
    expected = {f"{MODEL}/{number}": _predict(home, number) for number in (1, 2)}
    return Trials(home, registry, expected)


def _run(home: Sandbox, changes: dict[str, Any]) -> None:
    words = [word for name, value in changes.items() for word in ("--set", f"{name}={value}")]
    _check(home, "run", "./tiny.yaml", *words)


def _predict(home: Sandbox, number: int) -> Any:  # noqa: ANN401 - JSON
    return json.loads(_check(home, "predict", f"{MODEL}/{number}", TEXT))


def _check(home: Sandbox, *words: str) -> str:
    result = home(*words)
    if result.code:
        raise SystemExit(f"{' '.join(words)}: {result.error[-2000:]}")
    return result.output


def _print_table(findings: list[Finding]) -> None:
    print("| Fault | Requirement | Outcome | |\n|---|---|---|---|")
    for finding in findings:
        verdict = "held" if finding.holds else "**missed**"
        print(f"| {finding.fault} | {finding.requirement} | {finding.outcome} | {verdict} |")


if __name__ == "__main__":
    main()
