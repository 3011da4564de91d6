"""Inject random faults into Coldpress and check what is lost or wrong afterwards.

    python benchmarks/chaos.py --quick
    python benchmarks/chaos.py --minutes 35 --jobs 2 --folder chaos

Every trial is decided by `--seed`, its part and its number. A part is a process of its own and
records its trials in FOLDER/PART/record.json; started again with the same folder, the benchmark
goes on where it was stopped. Prints for each part what was done, what was lost, what was wrong and
how long it took until everything worked again, and exits with 1 if anything was lost or wrong.

`--parts` chooses among them: runs, searches, embedded, stack, postgres, disk, malformed, bytes,
crowd, users.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from faults import base
from faults.trial import Outcome, Part

COUNTS = {
    "runs": (60, "SIGKILL of runs"),
    "searches": (10, "SIGKILL of searches and of the processes of their trials"),
    "embedded": (10, "SIGKILL of the embedded Prefect server"),
    "stack": (21, "SIGKILL of the stack's servers and worker"),
    "postgres": (9, "SIGKILL of PostgreSQL"),
    "disk": (1, "rounds of a full disk in each of the seven stages"),
    "malformed": (200, "malformed recipes, data files and teachers"),
    "bytes": (100, "single bytes of artifacts, database rows and pulled folders"),
    "crowd": (20, "commands at once in one home"),
    "users": (60, "actions of users in the MLflow registry"),
}
"""Default number of trials of each part, and what they do."""
QUICK = {
    **{"runs": 4, "searches": 5, "embedded": 1, "stack": 3, "postgres": 1, "disk": 1},
    **{"malformed": 30, "bytes": 6, "crowd": 6, "users": 8},
}
ACCEPTED_RUNS = 12
"""Malformed inputs that `check` accepts and that are run too."""


def main() -> None:
    """Run the parts, or, in a child process, one of them."""
    options = _options()
    if options.part:
        _carry_out(options, Part(options.part, options.folder, options.seed, options.until))
        return
    with tempfile.TemporaryDirectory() as directory:
        folder = options.folder or Path(directory)
        until = time.time() + 60 * options.minutes
        base.prepare(folder.resolve())
        with ThreadPoolExecutor(options.jobs) as pool:
            ends = list(pool.map(lambda name: _start(name, options, folder, until), options.parts))
        sound = [_report(name, options, folder) for name in options.parts]
    sys.exit(0 if all(sound) and not any(ends) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, (count, text) in COUNTS.items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{text}; {count} by default")
    parser.add_argument("--quick", action="store_true", help="a few trials of each part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=120.0, help="start no trial after these")
    parser.add_argument("--jobs", type=int, default=1, help="parts at the same time")
    parser.add_argument("--folder", type=Path, help="keep records and homes here, and go on there")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(COUNTS))
    parser.add_argument("--part", choices=COUNTS, help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    usual = QUICK if options.quick else {name: count for name, (count, _) in COUNTS.items()}
    for name in COUNTS:
        if getattr(options, name) is None:
            setattr(options, name, usual[name])
    return options


def _start(name: str, options: argparse.Namespace, folder: Path, until: float) -> int:
    """Run a part in its own process, which may change its environment."""
    place = (folder / name).resolve()
    place.mkdir(parents=True, exist_ok=True)
    counts = [f"--{part}={getattr(options, part)}" for part in COUNTS]
    own = [f"--part={name}", f"--folder={place}", f"--until={until}", f"--seed={options.seed}"]
    with (place / "log").open("a") as log:
        command = [sys.executable, __file__, *own, *counts]
        return subprocess.run(command, stdout=log, stderr=log, check=False).returncode


def _carry_out(options: argparse.Namespace, part: Part) -> None:
    """Run a part, importing it only here: parts must not import each other's modules."""
    count: int = getattr(options, part.name)
    if part.name in ("runs", "embedded"):
        from faults import kills

        (kills.runs if part.name == "runs" else kills.embedded_servers)(part, count)
    elif part.name == "searches":
        from faults import search_kills

        search_kills.searches(part, count)
    elif part.name in ("stack", "postgres"):
        from faults import database_kills, stack_kills

        (stack_kills.members if part.name == "stack" else database_kills.postgres)(part, count)
    elif part.name == "malformed":
        from faults import malformed

        malformed.files(part, count, ACCEPTED_RUNS)
    else:
        _change_what_is_stored(part, count)


def _change_what_is_stored(part: Part, count: int) -> None:
    if part.name == "disk":
        from faults import full_disk

        full_disk.stages(part, count)
    elif part.name == "bytes":
        from faults import corruption

        corruption.single_bytes(part, count)
    elif part.name == "crowd":
        from faults import crowd

        crowd.at_once(part, count, rounds=1)
    else:
        from faults import user_actions

        user_actions.between_commands(part, count)


def _report(name: str, options: argparse.Namespace, folder: Path) -> bool:
    """Print a part's outcomes; true if nothing was lost or wrong in any of them."""
    part = Part(name, folder / name, options.seed, 0)
    outcomes = part.outcomes()
    print(f"\n{COUNTS[name][1]}: {len(outcomes)} of {part.planned()} trials")
    for fault, count in sorted(Counter(outcome.done for outcome in outcomes).items()):
        print(f"  {count:4} {fault}")
    print(f"  recovery: {_seconds(outcomes)}")
    losses = [loss for outcome in outcomes for loss in outcome.lost]
    faults = [fault for outcome in outcomes for fault in outcome.wrong]
    for title, messages in (("lost", losses), ("wrong", faults)):
        print(f"  {title}: {len(messages) or 'nothing'}")
        for message in messages:
            print(f"    {message}")
    if not outcomes:
        print(f"    no trial was finished; see {folder / name / 'log'}")
    return bool(outcomes) and not losses and not faults


def _seconds(outcomes: Sequence[Outcome]) -> str:
    seconds = [outcome.seconds for outcome in outcomes if outcome.seconds is not None]
    if not seconds:
        return "nothing to recover"
    return f"median {statistics.median(seconds):.1f} s, at most {max(seconds):.1f} s"


if __name__ == "__main__":
    main()
