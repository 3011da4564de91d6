"""Concurrent promotions and rollbacks, and promotions killed at a random moment.

    python benchmarks/registry.py --moves 50 --kills 30
    python benchmarks/registry.py --moves 50 --kills 30 --flows

Every move (a promotion or a rollback) is a process of its own. They share one registry: a tracking
server that this script starts, or the one given with `--server` (`sqlite:///...` for no server).
With `--flows` each move is a flow run of one Prefect server, which the script starts too. Prints a
table for each part, and exits with 1 if the audit records do not explain the final state.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

from servers import mlflow_server, prefect_server

MODEL = "contended"
VERSIONS = 5


def main() -> None:
    """Run the moves and the kills, and print faults."""
    options = _options()
    with tempfile.TemporaryDirectory() as directory, _servers(options, Path(directory)):
        os.environ["COLDPRESS_HOME"] = directory
        _register_versions(Path(directory))
        _move("promote", "1")
        _move("promote", "2")
        faults = [*_move_concurrently(options.moves), *_kill_moves(options.kills, options.seed)]
    for fault in faults:
        print(f"FAULT {fault}")
    sys.exit(1 if faults else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=50)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--server", help="tracking URI; without it a server is started")
    parser.add_argument("--flows", action="store_true", help="move in flow runs of one server")
    return parser.parse_args()


@contextmanager
def _servers(options: argparse.Namespace, directory: Path) -> Iterator[None]:
    os.environ.pop("PREFECT_API_URL", None)
    with ExitStack() as servers:
        if options.server:
            os.environ["MLFLOW_TRACKING_URI"] = options.server
        else:
            servers.enter_context(mlflow_server(directory))
        if options.flows:
            servers.enter_context(prefect_server(directory))
        yield


def _register_versions(directory: Path) -> None:
    """Register versions with tiny files, since only aliases are moved."""
    from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
    from tasks.tracking import artifacts, registry, runs

    run_id = runs.open_run(runs.ensure_experiment(MODEL), "export_onnx", {})
    for number in range(VERSIONS):
        folder = directory / f"version-{number}"
        with new_checkpoint(folder / "checkpoint", Manifest(stage="export_onnx")) as temporary:
            (temporary / "model.onnx").write_text(str(number))
        digest = Checkpoint.open(folder / "checkpoint").digest
        packed = artifacts.package_torch(folder / "checkpoint", folder / "packed")
        uri = artifacts.log_model(run_id, MODEL, packed, "export_onnx")
        tags = {"stage": "export_onnx", "digest": digest, "gate": "passed"}
        registry.register(MODEL, uri, run_id, tags)


def _move(intent: str, target: str | None, start_event: Event | None = None) -> None:
    """Connect to the registry, signal the start and move; the body of each process."""
    from tasks.promotion import aliases

    aliases.read_aliases(MODEL)
    if start_event is not None:
        start_event.set()
    (_move_in_flow_run if "PREFECT_API_URL" in os.environ else _move_directly)(intent, target)


def _move_directly(intent: str, target: str | None) -> None:
    from tasks.promotion import promote as promotion
    from tasks.promotion.audit import Request

    request = Request(
        model=MODEL, intent=intent, who=f"process {os.getpid()}", why="contention", target=target
    )
    (promotion.promote if intent == "promote" else promotion.rollback)(request)


def _move_in_flow_run(intent: str, target: str | None) -> None:
    from flows.promote import promote
    from flows.rollback import rollback

    if intent == "promote":
        state = promote(f"{MODEL}/{target}", "contention", return_state=True)
    else:
        state = rollback(MODEL, "contention", return_state=True)
    if not state.is_completed():
        raise RuntimeError(state.message)


def _processes() -> ForkServerContext:
    """Return a context whose processes start fast, since MLflow is imported once."""
    context = multiprocessing.get_context("forkserver")
    flows = ["flows.promote", "flows.rollback"] if "PREFECT_API_URL" in os.environ else []
    context.set_forkserver_preload(["tasks.promotion.promote", *flows])
    return context


def _start(intent: str, target: str | None, start_event: Event | None = None) -> BaseProcess:
    process = _processes().Process(target=_move, args=(intent, target, start_event))
    process.start()
    return process


def _start_promotion(target: str) -> BaseProcess:
    """Start a process and return when its promotion begins."""
    start_event = _processes().Event()
    process = _start("promote", target, start_event)
    start_event.wait(timeout=60)
    return process


def _move_concurrently(moves: int) -> list[str]:
    """Start two thirds promotions and one third rollbacks before waiting for any."""
    from tasks.promotion import audit

    before = len(audit.all_tickets(MODEL))
    started = time.perf_counter()
    arguments = [
        ("rollback", None) if number % 3 == 2 else ("promote", str(1 + number % VERSIONS))
        for number in range(moves)
    ]
    movers = [_start(*move) for move in arguments]
    for mover in movers:
        mover.join()
    seconds = time.perf_counter() - started
    failed = sum(mover.exitcode != 0 for mover in movers)
    states = Counter(ticket.state for ticket in audit.all_tickets(MODEL)[before:])
    print(f"{'at once':12}{moves:>6} moves {seconds:>8.1f} s   {dict(states)}, {failed} failed")
    return [*_unexplained(), *([] if states == {"done": moves} and not failed else [f"{states}"])]


def _kill_moves(kills: int, seed: int) -> list[str]:
    """Kill promotions at random moments; check the aliases and promote again after each."""
    from tasks.promotion import aliases, audit

    if not kills:
        return []
    generator = random.Random(seed)
    faults = list[str]()
    phases = Counter[str]()
    usual = _usual_seconds()
    worst = 0.0
    for _ in range(kills):
        before = len(audit.all_tickets(MODEL))
        _kill(_start_promotion(_random_challenger(generator)), generator.uniform(0, usual))
        current = aliases.read_aliases(MODEL)
        phases[_phase(before)] += 1
        if current.champion is None or current.previous is None:
            faults.append(f"after a kill: {current}")
        started = time.perf_counter()
        follower = _start("promote", _random_challenger(generator))
        follower.join()
        worst = max(worst, time.perf_counter() - started)
        faults += _unexplained() + ([] if follower.exitcode == 0 else ["a follower failed"])
        faults += [f"left open: {t.number}" for t in audit.open_tickets(MODEL)]
    print(f"{'killed':12}{kills:>6} kills   within {usual:.2f} s: {dict(phases)}")
    print(f"{'followed':12}{kills:>6} moves   the slowest took {worst:.2f} s")
    return faults


def _random_challenger(generator: random.Random) -> str:
    """Return a version that is not the champion, so that the promotion moves an alias."""
    from tasks.promotion import aliases

    champion = aliases.read_aliases(MODEL).champion
    return generator.choice([str(n + 1) for n in range(VERSIONS) if str(n + 1) != champion])


def _usual_seconds() -> float:
    seconds = 0.0
    for number in ("1", "2", "3"):
        process = _start_promotion(number)
        started = time.perf_counter()
        process.join()
        seconds += time.perf_counter() - started
    return seconds / 3


def _kill(mover: BaseProcess, after: float) -> None:
    time.sleep(after)
    mover.kill()
    mover.join()


def _phase(before: int) -> str:
    """Return how far a killed promotion got."""
    from tasks.promotion import aliases, audit

    tickets = audit.all_tickets(MODEL)[before:]
    if not tickets:
        return "no ticket"
    ticket = tickets[0]
    if ticket.state == "done":
        return "done"
    if not ticket.has_plan:
        return "ticket"
    current = aliases.read_aliases(MODEL)
    count = (current.champion == ticket.moved_to) + (current.previous == ticket.previous)
    return ("planned", "champion moved", "both moved")[count]


def _unexplained() -> list[str]:
    """Replay the tickets in order, and return how the aliases differ from the result."""
    from tasks.promotion import aliases, audit

    champion = None
    previous = None
    faults = list[str]()
    for ticket in audit.all_tickets(MODEL):
        if ticket.state != "done":
            continue
        if ticket.moved_from != champion:
            faults.append(f"ticket {ticket.number} comes from {ticket.moved_from}, not {champion}")
        target = previous if ticket.tags["intent"] == "rollback" else ticket.tags["target"]
        if target != champion:
            champion, previous = target, champion
    current = aliases.read_aliases(MODEL)
    if (current.champion, current.previous) != (champion, previous):
        faults.append(f"replayed to {champion}, {previous}, but the aliases are {current}")
    return faults


if __name__ == "__main__":
    main()
