"""Change single bytes of artifacts, database rows and pulled folders."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from faults import base
from faults.sandbox import TEXT, CommandResult, Sandbox, restore
from faults.trial import Outcome, Part

CELLS = (
    ("model_versions", "source"),
    ("model_versions", "run_id"),
    ("model_version_tags", "value"),
    ("logged_models", "artifact_location"),
    ("runs", "artifact_uri"),
    ("runs", "status"),
    ("tags", "value"),
)
"""Of MLflow's tables. Aliases are left out: that one moves is no fault but a user's decision."""
PREDICT_PULLED = f"""
import json, sys
from predictor import Predictor
answers = Predictor(sys.argv[1]).predict([{TEXT!r}])
print("\\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers))
"""


def single_bytes(part: Part, count: int) -> None:
    """Change a byte and predict: the output must be the same, or an error must be reported.

    Args:
        part: Where to record.
        count: Trials: in turn an artifact of the champion, a cell of the database, a pulled folder.
    """
    copy = base.home(part.folder)
    sandbox = restore(copy, part.folder / "sandbox")
    answer = sandbox("predict", "tiny@champion", TEXT).output

    def trial(number: int, chance: random.Random) -> Outcome:
        sandbox = restore(copy, part.folder / "sandbox")
        kind = ("artifact", "database row", "pulled folder")[number % 3]
        if kind == "artifact":
            change = _change_artifact(sandbox, chance)
            result = sandbox("predict", "tiny@champion", TEXT)
        elif kind == "database row":
            change = _change_cell(sandbox, chance)
            words = (("predict", "tiny@champion", TEXT), ("lineage", "tiny@champion"))[number % 2]
            result = sandbox(*words)
        else:
            result, change = _pulled(sandbox, chance, answer)
        return _outcome(kind, change, result, answer)

    part.run(count, trial)


def _outcome(kind: str, change: str, result: CommandResult, answer: str) -> Outcome:
    if result.code == 0:
        harmless = result.output == answer or result.output.startswith("tiny/")
        wrong = () if harmless else (f"{change}: another answer in silence: {result.output[:200]}",)
        return Outcome(f"byte of {kind}: harmless", wrong=wrong)
    # The code of a pulled folder is a library: it says no by an exception.
    faults = () if kind == "pulled folder" else result.faults(change, (1, 2))
    return Outcome(f"byte of {kind}: detected", wrong=faults)


def _change_artifact(sandbox: Sandbox, chance: random.Random) -> str:
    champion = sandbox.in_service()["tiny@champion"]
    (version,) = (v for v in sandbox.versions() if (v.name, v.number) == ("tiny", champion))
    assert version.folder is not None
    return _change_file(_any_file(version.folder, chance), chance)


def _any_file(folder: Path, chance: random.Random) -> Path:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size)
    return chance.choice(files)


def _change_file(path: Path, chance: random.Random) -> str:
    """Change one bit, in a copy: files may be linked to one another."""
    content = bytearray(path.read_bytes())
    place = chance.randrange(len(content))
    content[place] ^= 1 << chance.randrange(8)
    path.unlink()
    path.write_bytes(content)
    return f"byte {place} of {path.name}"


def _change_cell(sandbox: Sandbox, chance: random.Random) -> str:
    table, column = chance.choice(CELLS)
    with closing(sqlite3.connect(sandbox.state / "mlflow.db")) as database, database:
        question = f"select rowid, {column} from {table} where length({column}) > 0"
        row, text = chance.choice(database.execute(question).fetchall())
        place = chance.randrange(len(text))
        character = chance.choice("0123456789abcdefXYZ/:%\x01é")
        changed = f"{text[:place]}{character}{text[place + 1 :]}"
        database.execute("pragma ignore_check_constraints = on")
        database.execute(f"update {table} set {column} = ? where rowid = ?", (changed, row))
    return f"{table}.{column} {text[:40]!r} with {character!r} at {place}"


def _pulled(sandbox: Sandbox, chance: random.Random, answer: str) -> tuple[CommandResult, str]:
    """Pull, change a byte, and ask the code that came along, without Coldpress."""
    folder = sandbox.folder / "pulled"
    shutil.rmtree(folder, ignore_errors=True)
    result = sandbox("pull", "tiny@champion", str(folder))
    assert result.code == 0, result.error
    change = _change_file(_any_file(folder, chance), chance)
    answer_of_pulled = _in(folder, sys.executable, "-c", PREDICT_PULLED, ".")
    if answer_of_pulled.code or _as_lines(answer_of_pulled.output) == answer:
        return CommandResult(answer_of_pulled.code, answer, answer_of_pulled.error, 0.0), change
    # The code itself may have the other byte: then only the folder's list of digests can tell.
    comparison = _in(folder, "sha256sum", "--check", "--quiet", "SHA256SUMS")
    return CommandResult(comparison.code, answer_of_pulled.output, comparison.error, 0.0), change


def _in(folder: Path, *command: str) -> CommandResult:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return CommandResult(result.returncode, result.stdout, result.stderr, 0.0)


def _as_lines(output: str) -> str:
    return "".join(
        f"{json.dumps(json.loads(line), ensure_ascii=False)}\n" for line in output.splitlines()
    )
