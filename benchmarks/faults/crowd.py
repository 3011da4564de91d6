"""Twenty commands at once in one home."""

from __future__ import annotations

import random

from faults import base
from faults.sandbox import Sandbox, differences, digests, missing, restore
from faults.trial import Outcome, Part

COMMANDS = (
    ("run", "./tiny.yaml", "--json", "first.json"),
    ("run", "./tiny.yaml", "--json", "second.json"),
    ("run", "./tiny.yaml", "--set", "seed=1"),
    ("run", "./tiny.yaml", "--set", "seed=3"),
    ("predict", "tiny@champion", "how far is the moon"),
    ("predict", "tiny/1", "how far is the moon"),
    ("lineage", "tiny@champion"),
    ("lineage", "tiny/1", "--json"),
    ("report", "tiny/2", "--out", "report.html"),
    ("card", "tiny/1"),
    ("check", "./tiny.yaml"),
    ("promote", "tiny/1", "--reason", "crowd"),
    ("promote", "tiny/2", "--reason", "crowd"),
    ("promote", "tiny/1", "--reason", "crowd"),
    ("rollback", "tiny", "--reason", "crowd"),
    ("gc", "--dry-run"),
    ("gc", "--keep", "2"),
    ("pull", "tiny/1", "pulled"),
    ("recipes",),
    ("doctor",),
)


def at_once(part: Part, count: int, rounds: int) -> None:
    """Start commands together and judge each by its end.

    Args:
        part: Where to record.
        count: Commands at once.
        rounds: How often.
    """
    copy = base.home(part.folder)
    expected = base.expected(part.folder)

    def trial(_: int, chance: random.Random) -> Outcome:
        sandbox = restore(copy, part.folder / "sandbox")
        before = sandbox.versions()
        commands = [COMMANDS[n % len(COMMANDS)] for n in range(count)]
        chance.shuffle(commands)
        started = [(words, sandbox.start(*words)) for words in commands]
        ends = [(words, sandbox.wait(process, timeout=900)) for words, process in started]
        wrong = [fault for words, result in ends for fault in result.faults(" ".join(words))]
        wrong += _disagreements(sandbox, expected)
        slowest = max(result.seconds for _, result in ends)
        name = f"{count} commands at once"
        return Outcome(name, missing(before, sandbox), tuple(wrong), slowest)

    part.run(rounds, trial)


def _disagreements(sandbox: Sandbox, expected: dict[str, str]) -> list[str]:
    """Two runs of one recipe make the same models, each of them once."""
    outcomes = [digests(sandbox.folder / name) for name in ("first.json", "second.json")]
    wrong = [fault for outcome in outcomes if outcome for fault in differences(expected, outcome)]
    registered = [(version.name, version.digest) for version in sandbox.versions()]
    wrong += [f"{name} has one model in two versions" for name in _duplicates(registered)]
    if "tiny@champion" not in sandbox.in_service():
        wrong.append("the champion is gone")
    return [*wrong, *sandbox.left_behind()]


def _duplicates(versions: list[tuple[str, str]]) -> list[str]:
    return sorted({name for name, digest in versions if versions.count((name, digest)) > 1})
