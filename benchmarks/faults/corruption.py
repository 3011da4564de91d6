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
from faults.sandbox import TEXT, Done, Sandbox, restore
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
PULLED = f"""
import json, sys
from predictor import Predictor
answers = Predictor(sys.argv[1]).predict([{TEXT!r}])
print("\\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers))
"""


def single_bytes(part: Part, count: int) -> None:
    """Change a byte and ask the champion: it must answer as before, or say what is wrong.

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
            what = _change_artifact(sandbox, chance)
            done = sandbox("predict", "tiny@champion", TEXT)
        elif kind == "database row":
            what = _change_cell(sandbox, chance)
            words = (("predict", "tiny@champion", TEXT), ("lineage", "tiny@champion"))[number % 2]
            done = sandbox(*words)
        else:
            done, what = _pulled(sandbox, chance, answer)
        return _judged(kind, what, done, answer)

    part.run(count, trial)


def _judged(kind: str, what: str, done: Done, answer: str) -> Outcome:
    if done.code == 0:
        harmless = done.output == answer or done.output.startswith("tiny/")
        wrong = () if harmless else (f"{what}: another answer in silence: {done.output[:200]}",)
        return Outcome(f"byte of {kind}: harmless", wrong=wrong)
    # The code of a pulled folder is a library: it says no by an exception.
    faults = () if kind == "pulled folder" else done.faults(what, (1, 2))
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
        other = chance.choice("0123456789abcdefXYZ/:%\x01é")
        changed = f"{text[:place]}{other}{text[place + 1 :]}"
        database.execute("pragma ignore_check_constraints = on")
        database.execute(f"update {table} set {column} = ? where rowid = ?", (changed, row))
    return f"{table}.{column} {text[:40]!r} with {other!r} at {place}"


def _pulled(sandbox: Sandbox, chance: random.Random, answer: str) -> tuple[Done, str]:
    """Pull, change a byte, and ask the code that came along, without Coldpress."""
    folder = sandbox.folder / "pulled"
    shutil.rmtree(folder, ignore_errors=True)
    done = sandbox("pull", "tiny@champion", str(folder))
    assert done.code == 0, done.error
    what = _change_file(_any_file(folder, chance), chance)
    asked = _in(folder, sys.executable, "-c", PULLED, ".")
    if asked.code or _as_lines(asked.output) == answer:
        return Done(asked.code, answer, asked.error, 0.0), what
    # The code itself may have the other byte: then only the folder's list of digests can tell.
    compared = _in(folder, "sha256sum", "--check", "--quiet", "SHA256SUMS")
    return Done(compared.code, asked.output, compared.error, 0.0), what


def _in(folder: Path, *command: str) -> Done:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr, 0.0)


def _as_lines(output: str) -> str:
    return "".join(
        f"{json.dumps(json.loads(line), ensure_ascii=False)}\n" for line in output.splitlines()
    )
