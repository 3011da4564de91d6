"""The reliability benchmark: it can be resumed, and its checks can fail."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from faults import corruption, malformed
from faults.mutations import mutate_bytes, mutate_json, mutate_text
from faults.sandbox import CommandResult, Sandbox, Version, differences, missing
from faults.trial import Outcome, Part

from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint


def part(folder: Path, seconds: float = 60.0) -> Part:
    return Part("runs", folder, seed=7, until=time.time() + seconds)


def test_a_stopped_part_resumes_with_the_next_trial(tmp_path: Path) -> None:
    """The fourth trial draws the same in either case."""
    draws: list[float] = []

    def trial(number: int, chance: random.Random) -> Outcome:
        draws.append(chance.random())
        return Outcome(f"trial {number}", lost=("tiny/1",), seconds=2.0)

    part(tmp_path).run(3, trial)
    part(tmp_path).run(5, trial)
    names = [outcome.done for outcome in part(tmp_path).outcomes()]
    assert names == [f"trial {number}" for number in range(5)]
    assert part(tmp_path).outcomes()[0] == Outcome("trial 0", ("tiny/1",), (), 2.0)
    (tmp_path / "again").mkdir()
    part(tmp_path / "again").run(5, trial)
    assert draws[5:] == draws[:5]
    assert len(set(draws)) == 5


def test_no_trial_is_started_after_the_time_is_over(tmp_path: Path) -> None:
    part(tmp_path, seconds=-1.0).run(3, lambda *_: Outcome("never"))
    assert (part(tmp_path).outcomes(), part(tmp_path).planned()) == ([], 3)


@pytest.mark.parametrize(
    ("result", "faults"),
    [
        (CommandResult(0, "fine", "", 1.0), 0),
        (CommandResult(2, "", "coldpress: seed: x is no number\n", 1.0), 1),
        (
            CommandResult(0, "", "Traceback (most recent call last):\n  ...\nKeyError: 'x'\n", 1.0),
            1,
        ),
        (CommandResult(124, "", "", 300.0), 1),
    ],
)
def test_an_exit_code_or_a_traceback_is_a_fault(result: CommandResult, faults: int) -> None:
    assert len(result.faults("run")) == faults


def test_a_refusal_is_one_line() -> None:
    assert malformed._wrong("x", 2, "coldpress: name: no name\n") == ()
    assert malformed._wrong("x", 0, "") == ()
    assert len(malformed._wrong("x", 2, "coldpress: one\nand two\n")) == 1
    assert len(malformed._wrong("x", 2, "")) == 1
    assert len(malformed._wrong("x", 1, "coldpress: one\n")) == 1


def test_a_changed_digest_of_a_stage_is_reported() -> None:
    alone = {"train_teacher": "a", "prune": "b", "evaluate": "c"}
    assert differences(alone, {**alone, "evaluate": "measured again"}) == ()
    assert differences(alone, {**alone, "prune": "x"}) == ("prune made another model",)
    assert differences(alone, {"train_teacher": "a"}) == ("prune made another model",)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """A home with one version, as the benchmark reads it from outside."""
    home = Sandbox(tmp_path)
    place = home.state / "artifacts" / "m-1"
    with new_checkpoint(place, Manifest(stage="export_onnx")) as aside:
        (aside / "model.onnx").write_text("weights")
    with closing(sqlite3.connect(home.state / "mlflow.db")) as database, database:
        database.executescript(f"""
            create table model_versions (name, version, current_stage, source);
            create table model_version_tags (name, version, key, value);
            create table logged_models (model_id, artifact_location);
            insert into model_versions values ('tiny', 1, 'None', 'models:/m-1');
            insert into logged_models values ('m-1', 'file://{place}');
            insert into model_version_tags
                values ('tiny', 1, 'digest', '{Checkpoint.open(place).digest}');
        """)
    return home


@pytest.mark.parametrize("harm", ["nothing", "another byte", "a deleted folder", "a deleted row"])
def test_a_version_whose_files_or_record_are_gone_is_lost(sandbox: Sandbox, harm: str) -> None:
    before: list[Version] = sandbox.versions()
    (version,) = before
    assert version.folder is not None
    if harm == "another byte":
        (version.folder / "model.onnx").write_text("weightz")
    if harm == "a deleted folder":
        shutil.rmtree(version.folder)
    if harm == "a deleted row":
        with closing(sqlite3.connect(sandbox.state / "mlflow.db")) as database, database:
            database.execute("delete from model_versions")
    assert missing(before, sandbox) == (() if harm == "nothing" else ("tiny/1",))


def test_a_changed_prediction_after_corruption_is_wrong() -> None:
    answer = json.dumps({"text": "a", "label": "b"}) + "\n"
    same = corruption._outcome("artifact", "byte 3", CommandResult(0, answer, "", 1.0), answer)
    different = corruption._outcome("artifact", "byte 3", CommandResult(0, "{}\n", "", 1.0), answer)
    rejected = corruption._outcome(
        "artifact", "byte 3", CommandResult(1, "", "not as written", 1.0), answer
    )
    assert (same.wrong, rejected.wrong) == ((), ())
    assert len(different.wrong) == 1


def test_mutations_are_decided_by_chance_alone() -> None:
    text = "name: tiny\nseed: 0\n"
    for number in range(50):
        first = random.Random(number)
        second = random.Random(number)
        assert mutate_text(text, first) == mutate_text(text, second)
        assert mutate_bytes(text.encode(), first) == mutate_bytes(text.encode(), second)
    changed = {mutate_text(text, random.Random(number))[0] for number in range(50)}
    assert len(changed) > 20
    nested = {"a": {"b": [1, 2]}, "c": "d"}
    words = {mutate_json(json.loads(json.dumps(nested)), random.Random(n)) for n in range(50)}
    assert len(words) > 15


def test_a_malformed_recipe_is_checked_as_the_command_does(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: tiny\nbenchmark: 3\n")
    code, error = malformed.Checker(tmp_path)(recipe)
    assert (code, error.count("\n")) == (2, 1)
    assert error.startswith("coldpress: recipe.yaml: benchmark: ")
