"""Promotions and rollbacks at once, and promotions killed at a random instant.

    python benchmarks/registry.py --moves 50 --kills 30
    python benchmarks/registry.py --moves 50 --kills 30 --flows

Every move is a process of its own. They share one registry: a tracking server that this starts, or
the one that `--server` names (`sqlite:///...` for none). With `--flows` each is a flow run, and all
are of one Prefect server, that this starts too. Prints a table a part, and exits with 1 where the
end state is not what the audit explains.
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
    """Move, kill, and judge what is left."""
    options = _options()
    with tempfile.TemporaryDirectory() as directory, _servers(options, Path(directory)):
        os.environ["COLDPRESS_HOME"] = directory
        _register_versions(Path(directory))
        _move("promote", "1")
        _move("promote", "2")
        faults = [*_all_at_once(options.moves), *_killed(options.kills, options.seed)]
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
    with ExitStack() as started:
        if options.server:
            os.environ["MLFLOW_TRACKING_URI"] = options.server
        else:
            started.enter_context(mlflow_server(directory))
        if options.flows:
            started.enter_context(prefect_server(directory))
        yield


def _register_versions(directory: Path) -> None:
    """Versions with files of a few bytes: what is moved is an alias, whatever it names."""
    from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
    from tasks.tracking import artifacts, registry, runs

    run_id = runs.open_run(runs.ensure_experiment(MODEL), "export_onnx", {})
    for number in range(VERSIONS):
        place = directory / f"made-{number}"
        with new_checkpoint(place / "checkpoint", Manifest(stage="export_onnx")) as aside:
            (aside / "model.onnx").write_text(str(number))
        digest = Checkpoint.open(place / "checkpoint").digest
        packed = artifacts.package_torch(place / "checkpoint", place / "packed")
        uri = artifacts.log_model(run_id, MODEL, packed, "export_onnx")
        tags = {"stage": "export_onnx", "digest": digest, "gate": "passed"}
        registry.register(MODEL, uri, run_id, tags)


def _move(intent: str, target: str | None, begun: Event | None = None) -> None:
    """What each process does; it is connected before it says that it begins."""
    from tasks.promotion import aliases

    aliases.read_aliases(MODEL)
    if begun is not None:
        begun.set()
    (_in_a_flow_run if "PREFECT_API_URL" in os.environ else _plainly)(intent, target)


def _plainly(intent: str, target: str | None) -> None:
    from tasks.promotion import promote as promotion
    from tasks.promotion.audit import Request

    request = Request(
        model=MODEL, intent=intent, who=f"process {os.getpid()}", why="contention", target=target
    )
    (promotion.promote if intent == "promote" else promotion.rollback)(request)


def _in_a_flow_run(intent: str, target: str | None) -> None:
    from flows.promote import promote
    from flows.rollback import rollback

    if intent == "promote":
        state = promote(f"{MODEL}/{target}", "contention", return_state=True)
    else:
        state = rollback(MODEL, "contention", return_state=True)
    if not state.is_completed():
        raise RuntimeError(state.message)


def _processes() -> ForkServerContext:
    """Processes that need not import MLflow each, so that they are there at the same time."""
    context = multiprocessing.get_context("forkserver")
    flows = ["flows.promote", "flows.rollback"] if "PREFECT_API_URL" in os.environ else []
    context.set_forkserver_preload(["tasks.promotion.promote", *flows])
    return context


def _start(intent: str, target: str | None, begun: Event | None = None) -> BaseProcess:
    process = _processes().Process(target=_move, args=(intent, target, begun))
    process.start()
    return process


def _begun(target: str) -> BaseProcess:
    """Start a promotion and return at the instant that it begins."""
    begun = _processes().Event()
    process = _start("promote", target, begun)
    begun.wait(timeout=60)
    return process


def _all_at_once(moves: int) -> list[str]:
    """Two thirds promotions and one third rollbacks, all started before any is awaited."""
    from tasks.promotion import audit

    before, started = len(audit.all_tickets(MODEL)), time.perf_counter()
    wanted = [
        ("rollback", None) if number % 3 == 2 else ("promote", str(1 + number % VERSIONS))
        for number in range(moves)
    ]
    movers = [_start(*move) for move in wanted]
    for mover in movers:
        mover.join()
    seconds = time.perf_counter() - started
    failed = sum(mover.exitcode != 0 for mover in movers)
    states = Counter(ticket.state for ticket in audit.all_tickets(MODEL)[before:])
    print(f"{'at once':12}{moves:>6} moves {seconds:>8.1f} s   {dict(states)}, {failed} failed")
    return [*_unexplained(), *([] if states == {"done": moves} and not failed else [f"{states}"])]


def _killed(kills: int, seed: int) -> list[str]:
    """SIGKILL a promotion at a random instant, look, and let the next one follow."""
    from tasks.promotion import aliases, audit

    if not kills:
        return []
    chance, faults, phases = random.Random(seed), list[str](), Counter[str]()
    usual, worst = _usual_seconds(), 0.0
    for _ in range(kills):
        before = len(audit.all_tickets(MODEL))
        _kill(_begun(_other(chance)), chance.uniform(0, usual))
        found = aliases.read_aliases(MODEL)
        phases[_phase(before)] += 1
        if found.champion is None or found.previous is None:
            faults.append(f"after a kill: {found}")
        started = time.perf_counter()
        follower = _start("promote", _other(chance))
        follower.join()
        worst = max(worst, time.perf_counter() - started)
        faults += _unexplained() + ([] if follower.exitcode == 0 else ["a follower failed"])
        faults += [f"left open: {t.number}" for t in audit.open_tickets(MODEL)]
    print(f"{'killed':12}{kills:>6} kills   within {usual:.2f} s: {dict(phases)}")
    print(f"{'followed':12}{kills:>6} moves   the slowest took {worst:.2f} s")
    return faults


def _other(chance: random.Random) -> str:
    """A version that is not the champion, so that there is something to move."""
    from tasks.promotion import aliases

    champion = aliases.read_aliases(MODEL).champion
    return chance.choice([str(n + 1) for n in range(VERSIONS) if str(n + 1) != champion])


def _usual_seconds() -> float:
    seconds = 0.0
    for number in ("1", "2", "3"):
        process, started = _begun(number), time.perf_counter()
        process.join()
        seconds += time.perf_counter() - started
    return seconds / 3


def _kill(mover: BaseProcess, after: float) -> None:
    time.sleep(after)
    mover.kill()
    mover.join()


def _phase(before: int) -> str:
    """How far a killed promotion came."""
    from tasks.promotion import aliases, audit

    drawn = audit.all_tickets(MODEL)[before:]
    if not drawn:
        return "no ticket"
    if drawn[0].state == "done":
        return "done"
    if not drawn[0].planned:
        return "ticket"
    found = aliases.read_aliases(MODEL)
    moved = (found.champion == drawn[0].moved_to) + (found.previous == drawn[0].previous)
    return ("planned", "champion moved", "both moved")[moved]


def _unexplained() -> list[str]:
    """Replay the intents in the order of their tickets, and compare with what is there."""
    from tasks.promotion import aliases, audit

    champion, previous, faults = None, None, list[str]()
    for ticket in audit.all_tickets(MODEL):
        if ticket.state != "done":
            continue
        if ticket.moved_from != champion:
            faults.append(f"ticket {ticket.number} comes from {ticket.moved_from}, not {champion}")
        wanted = previous if ticket.tags["intent"] == "rollback" else ticket.tags["target"]
        if wanted != champion:
            champion, previous = wanted, champion
    found = aliases.read_aliases(MODEL)
    if (found.champion, found.previous) != (champion, previous):
        faults.append(f"replayed to {champion}, {previous}, but found {found}")
    return faults


if __name__ == "__main__":
    main()
