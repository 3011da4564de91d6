"""Faults around a running `coldpress serve`: of its registry, its next version and its process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from faults.registry_server import RegistryServer
from faults.sandbox import TEXT, Sandbox
from faults.service import Service, serving
from faults.steady_clients import ClientLog, Prediction, steady_clients

MODEL = "tiny"
CHAMPION = f"{MODEL}@champion"
POLL_LIMIT = 30.0
"""Seconds until the service must have noticed a change in the registry."""
LOAD_LIMIT = 120.0
"""Seconds until a version must be in use: 60 between trials, and a download by another process."""


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    Attributes:
        fault: What was done.
        requirement: What must hold.
        outcome: What was measured.
        holds: Whether the requirement is met.
    """

    fault: str
    requirement: str
    outcome: str
    holds: bool


@dataclass(frozen=True)
class Trials:
    """What the trials share.

    Attributes:
        sandbox: Home whose registry is the server.
        registry: With versions 1 and 2 of the model; 1 is the champion.
        expected: Prediction for the text by version, from `coldpress predict`.
    """

    sandbox: Sandbox
    registry: RegistryServer
    expected: Mapping[str, Prediction]


def registry_outage(trials: Trials, seconds: float) -> list[Finding]:
    """Stop the registry server for a while, start it again, and promote version 2."""
    fault = f"registry server away for {seconds:.0f} s"
    with running_service(trials) as service, _clients(service, trials, 4) as log:
        trials.registry.stop()
        service.wait_until(lambda ready: ready["problem"], POLL_LIMIT)
        time.sleep(seconds)
        during = service.get("/ready")
        trials.registry.start()
        service.wait_until(lambda ready: not ready["problem"], POLL_LIMIT)
        result = trials.sandbox("promote", f"{MODEL}/2", "--reason", "after the outage")
        followed = service.wait_until(lambda ready: ready["model"] == f"{MODEL}/2", LOAD_LIMIT)
        _wait_for_answer(log, f"{MODEL}/2")
    right = during["model"] == f"{MODEL}/1" and str(during["problem"]).startswith("nothing answers")
    return [
        _requests(fault, log),
        Finding(fault, "/ready reports it, version 1 answers", f"{during}", right),
        Finding(
            "promotion after its return",
            "followed",
            f"exit code {result.code}, version 2 in use {followed:.1f} s later",
            result.code == 0,
        ),
    ]


def altered_champion(trials: Trials) -> list[Finding]:
    """Move the alias to version 1, of whose file a byte was changed, and repair it later."""
    fault = "champion with an altered file"
    trials.registry.set_champion(MODEL, 2)
    model = min(trials.registry.folder.rglob("model.onnx"), key=lambda file: file.stat().st_mtime)
    content = model.read_bytes()
    with running_service(trials) as service, _clients(service, trials, 4) as log:
        model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        trials.registry.set_champion(MODEL, 1)
        noticed = service.wait_until(lambda ready: ready["problem"], LOAD_LIMIT)
        during = service.get("/ready")
        model.write_bytes(content)
        repaired = service.wait_until(lambda ready: not ready["problem"], LOAD_LIMIT)
        _wait_for_answer(log, f"{MODEL}/1")
    return [
        _requests(fault, log),
        Finding(
            fault,
            "/ready reports it, version 2 answers",
            f"{during} after {noticed:.1f} s",
            during["model"] == f"{MODEL}/2" and str(during["problem"]).startswith(f"{MODEL}/1"),
        ),
        Finding("the file is repaired", "the version is used", f"{repaired:.1f} s later", True),
    ]


def sigterm(trials: Trials, clients: int) -> list[Finding]:
    """End the service while clients send requests as fast as they are answered."""
    fault = f"SIGTERM, {clients} clients"
    with running_service(trials) as service, _clients(service, trials, clients) as log:
        time.sleep(3)
        code, seconds = service.end()
        time.sleep(0.5)  # clients notice that nothing listens
    end = Finding(fault, "exit code 0", f"exit code {code} after {seconds:.1f} s", code == 0)
    return [_requests(fault, log), end]


@contextmanager
def running_service(trials: Trials, model: str = CHAMPION, token: str = "") -> Iterator[Service]:
    """Serve a model of the sandbox while the block runs.

    Args:
        trials: With the sandbox.
        model: Reference.
        token: The bearer token; empty for none.
    """
    log = trials.sandbox.folder / "service.log"
    with serving(model, trials.sandbox.environment, log, token) as service:
        yield service


@contextmanager
def _clients(service: Service, trials: Trials, count: int) -> Iterator[ClientLog]:
    pause = 0.02 if count < 10 else 0.0
    with steady_clients(service.port, TEXT, trials.expected, count, pause) as log:
        yield log


def _wait_for_answer(log: ClientLog, version: str) -> None:
    deadline = time.monotonic() + POLL_LIMIT
    while not log.answers[version] and time.monotonic() < deadline:
        time.sleep(0.05)


def _requests(fault: str, log: ClientLog) -> Finding:
    outcome = f"{dict(log.answers)}, {len(log.wrong)} wrong, {len(log.lost)} lost"
    failures = "; ".join(log.failures[:3])
    return Finding(
        fault,
        "every request is answered by the version it names",
        f"{outcome}, {log.refused} connections refused {failures}".strip(),
        not log.failures and bool(log.answers),
    )
