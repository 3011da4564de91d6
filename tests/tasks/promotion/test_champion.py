from __future__ import annotations

from pathlib import Path

import in_service as pressed
import pytest

from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint
from tasks.promotion import champion
from tasks.tracking import artifacts, registry, runs


def test_a_champion_comes_with_what_its_run_left(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    recipe = pressed.champion(tmp_path, tiny_checkpoint)
    found = champion.load_champion("tiny")
    assert (found.name, found.recipe) == ("tiny/1", recipe)
    with (
        artifacts.open_checkpoint(found.model_uri) as model,
        artifacts.open_checkpoint(found.evaluation_uri) as judged,
    ):
        assert (model.path / "model.onnx").exists()
        assert (judged.path / "portrait.safetensors").exists()
    with artifacts.open_checkpoint(found.teacher_uri or "") as teacher:
        assert teacher.digest == tiny_checkpoint.digest


def test_without_a_champion_it_says_what_to_do(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    for wrong, said in (("tiny", "no tiny in the registry"), ("tiny/1", "must be a name alone")):
        with pytest.raises(InputError, match=f"^model: {said}"):
            champion.load_champion(wrong)
    pressed.champion(tmp_path, tiny_checkpoint)
    runs.client().delete_registered_model_alias("tiny", "champion")
    with pytest.raises(InputError, match=r"^model: tiny has no champion; promote"):
        champion.load_champion("tiny")


def test_a_champion_that_no_run_judged_is_refused(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    pressed.champion(tmp_path, tiny_checkpoint)
    run_id = runs.open_run(runs.ensure_experiment("tiny"), "by hand", {})
    uri = str(registry.resolve("tiny/1").source)
    registry.register("tiny", uri, run_id, {"digest": "another"})
    runs.client().set_registered_model_alias("tiny", "champion", "2")
    with pytest.raises(InputError, match=r"^model: no evaluation of tiny/2 is known; run its"):
        champion.load_champion("tiny")


def test_an_evaluation_of_another_model_is_not_its(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    pressed.champion(tmp_path, tiny_checkpoint)
    registry.set_tags("tiny/1", {"digest": "another"})
    with pytest.raises(InputError, match=r"^model: no evaluation of tiny/1 is known"):
        champion.load_champion("tiny")
