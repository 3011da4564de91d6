from __future__ import annotations

from pathlib import Path

import in_service as pressed
import pytest

from coldpress.checkpoint import Checkpoint
from coldpress.errors import InputError
from tasks import in_service, registry, store, tracking


def test_a_champion_comes_with_what_its_run_left(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    recipe = pressed.champion(tmp_path, tiny_checkpoint)
    found = in_service.find("tiny")
    assert (found.name, found.recipe) == ("tiny/1", recipe)
    with store.fetched(found.model_uri) as model, store.fetched(found.evaluation_uri) as judged:
        assert (model.path / "model.onnx").exists()
        assert (judged.path / "portrait.safetensors").exists()
    with store.fetched(found.teacher_uri or "") as teacher:
        assert teacher.digest == tiny_checkpoint.digest


def test_without_a_champion_it_says_what_to_do(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    for wrong, said in (("tiny", "no tiny in the registry"), ("tiny/1", "a name alone")):
        with pytest.raises(InputError, match=f"^model: {said}"):
            in_service.find(wrong)
    pressed.champion(tmp_path, tiny_checkpoint)
    tracking.client().delete_registered_model_alias("tiny", "champion")
    with pytest.raises(InputError, match=r"^model: tiny has no champion; promote"):
        in_service.find("tiny")


def test_a_champion_that_no_run_judged_is_refused(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    pressed.champion(tmp_path, tiny_checkpoint)
    run_id = tracking.open_run(tracking.experiment("tiny"), "by hand", {})
    uri = str(registry.resolve("tiny/1").source)
    registry.register("tiny", uri, run_id, {"digest": "another"})
    tracking.client().set_registered_model_alias("tiny", "champion", "2")
    with pytest.raises(InputError, match=r"^model: no evaluation of tiny/2 is known; run its"):
        in_service.find("tiny")


def test_an_evaluation_of_another_model_is_not_its(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    pressed.champion(tmp_path, tiny_checkpoint)
    registry.note("tiny/1", {"digest": "another"})
    with pytest.raises(InputError, match=r"^model: no evaluation of tiny/1 is known"):
        in_service.find("tiny")
