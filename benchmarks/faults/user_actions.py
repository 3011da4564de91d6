"""Random user actions in the MLflow registry between two commands of Coldpress."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from coldpress.errors import CorruptCheckpointError
from coldpress.model.checkpoint import MANIFEST, Checkpoint, Manifest, combine_digests
from faults import base
from faults.registry_hands import Hands
from faults.sandbox import TEXT, CommandResult, Sandbox, restore
from faults.trial import Outcome, Part

WATCH = """
from tasks.environment import home
home.configure_environment()
from flows.watch_registry import watch_registry
watch_registry(policy={policy!r})
"""


def between_commands(part: Part, count: int) -> None:
    """Change the registry at random, then run a command; the home is the same throughout.

    Args:
        part: Where to record.
        count: Actions of the user.
    """
    copy = base.home(part.folder)
    if not part.outcomes():
        sandbox = restore(copy, part.folder / "sandbox")
        rejected_run = sandbox(
            "run", "./tiny.yaml", "--set", "seed=4", "--set", "gate.min_speedup=1e6"
        )
        assert rejected_run.code == 1, rejected_run.error
    sandbox = Sandbox(part.folder / "sandbox")
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{sandbox.state / 'mlflow.db'}"
    hands = Hands(sandbox)

    def trial(number: int, chance: random.Random) -> Outcome:
        action = hands.act(chance)
        words = _command(sandbox, chance)
        needed = list(_needed(sandbox))
        champion = sandbox.in_service().get("tiny@champion")
        gates = _gates(sandbox)
        result = _carry_out(sandbox, words)
        name = f"{words[0]} after {action}"
        wrong = list(result.faults(f"{number}: {name}", (0, 1, 2)))
        wrong += _champion_faults(name, words[0], champion, gates, sandbox)
        missing = tuple(f"{name}: {folder.name}" for folder in needed if not _is_whole(folder))
        return Outcome(action.split(":")[0], missing, tuple(wrong))

    part.run(count, trial)


def _command(sandbox: Sandbox, chance: random.Random) -> tuple[str, ...]:
    """Choose a command; those that change something come most often."""
    numbers = [v.number for v in sandbox.versions() if v.name == "tiny"] or [1]
    version = f"tiny/{chance.choice(numbers)}"
    return chance.choice(
        (
            *[("promote", version, "--reason", "chaos")] * 3,
            *[("rollback", "tiny", "--reason", "chaos")] * 2,
            *[("gc", "--keep", "1")] * 3,
            *[("watch", chance.choice(("flag", "revert")))] * 2,
            ("run", "./tiny.yaml", "--set", f"seed={chance.choice((1, 2, 4))}"),
            ("lineage", version),
            ("lineage", "tiny@champion"),
            ("predict", "tiny@champion", TEXT),
            ("report", version, "--out", "report.html"),
            ("card", version),
        )
    )


def _carry_out(sandbox: Sandbox, words: tuple[str, ...]) -> CommandResult:
    if words[0] != "watch":
        return sandbox(*words)
    result = subprocess.run(
        [sys.executable, "-c", WATCH.format(policy=words[1])],
        cwd=sandbox.folder,
        env=sandbox.environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return CommandResult(result.returncode, result.stdout, result.stderr, 0.0)


def _champion_faults(
    name: str, command: str, champion: int | None, gates: dict[int, str], sandbox: Sandbox
) -> Iterator[str]:
    """Only promotions, rollbacks and the watch move a champion, and never to a refused one."""
    now = sandbox.in_service().get("tiny@champion")
    if now == champion:
        return
    if command not in ("promote", "rollback", "watch"):
        yield f"{name}: the champion went from {champion} to {now}"
    if now is not None and gates.get(now) != "passed":
        yield f"{name}: {now}, which its gate {gates.get(now)}, became champion"
    question = (
        "select count(*) from model_version_tags where name = 'tiny-audit' and key = 'intent'"
    )
    if not sandbox.query(question)[0][0]:
        yield f"{name}: the champion went from {champion} to {now} without a record"


def _gates(sandbox: Sandbox) -> dict[int, str]:
    """Return what the gate said of each version of tiny."""
    question = "select version, value from model_version_tags where name = 'tiny' and key = 'gate'"
    return {int(version): str(gate) for version, gate in sandbox.query(question)}


def _needed(sandbox: Sandbox) -> Iterator[Path]:
    """Yield the folders of the champion and of all that it was made from, as the files say."""
    by_digest = {digest: (folder, parents) for folder, digest, parents in _on_disk(sandbox)}
    champion = sandbox.in_service().get("tiny@champion")
    pending = [v.digest for v in sandbox.versions() if (v.name, v.number) == ("tiny", champion)]
    visited: set[str] = set()
    while pending:
        digest = pending.pop()
        if digest in by_digest and digest not in visited:
            folder, parents = by_digest[digest]
            yield folder
            pending += parents
        visited.add(digest)


def _on_disk(sandbox: Sandbox) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    for path in (sandbox.state / "artifacts").rglob(MANIFEST):
        manifest = Manifest.model_validate_json(path.read_bytes())
        if manifest.stage != "evaluate" and _is_whole(path.parent):
            yield path.parent, combine_digests(manifest.files), manifest.parents


def _is_whole(folder: Path) -> bool:
    try:
        Checkpoint.open(folder)
    except CorruptCheckpointError:
        return False
    return True
