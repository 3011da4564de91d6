from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint
from tasks.promotion import champion
from tasks.tracking import artifacts, registry, runs
from tests.support import tiny_champion


def test_a_champion_comes_with_its_recipe_and_evaluation(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    recipe = tiny_champion.champion(tmp_path, tiny_checkpoint)
    record = champion.load_champion("tiny")
    assert (record.name, record.recipe) == ("tiny/1", recipe)
    with (
        artifacts.open_checkpoint(record.model_uri) as model,
        artifacts.open_checkpoint(record.evaluation_uri) as evaluation,
    ):
        assert (model.path / "model.onnx").exists()
        assert (evaluation.path / "portrait.safetensors").exists()
    with artifacts.open_checkpoint(record.teacher_uri or "") as teacher:
        assert teacher.digest == tiny_checkpoint.digest


def test_a_missing_champion_is_reported_with_a_remedy(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    for wrong, message in (("tiny", "no tiny in the registry"), ("tiny/1", "must be a name alone")):
        with pytest.raises(InputError, match=f"^model: {message}"):
            champion.load_champion(wrong)
    tiny_champion.champion(tmp_path, tiny_checkpoint)
    runs.client().delete_registered_model_alias("tiny", "champion")
    with pytest.raises(InputError, match=r"^model: tiny has no champion; promote"):
        champion.load_champion("tiny")


def test_a_champion_that_no_run_evaluated_is_rejected(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    tiny_champion.champion(tmp_path, tiny_checkpoint)
    run_id = runs.open_run(runs.ensure_experiment("tiny"), "by hand", {})
    uri = str(registry.resolve("tiny/1").source)
    registry.register("tiny", uri, run_id, {"digest": "another"})
    runs.client().set_registered_model_alias("tiny", "champion", "2")
    with pytest.raises(InputError, match=r"^model: no evaluation of tiny/2 is stored; run its"):
        champion.load_champion("tiny")


def test_an_evaluation_of_another_model_does_not_count(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    tiny_champion.champion(tmp_path, tiny_checkpoint)
    registry.set_tags("tiny/1", {"digest": "another"})
    with pytest.raises(InputError, match=r"^model: no evaluation of tiny/1 is stored"):
        champion.load_champion("tiny")
