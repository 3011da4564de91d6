"""Name conflicts in MLflow are reported before a run begins."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest

from coldpress.errors import InputError
from tasks.environment import home
from tasks.tracking import experiments, runs

DELETED = "name: the experiment trec was deleted in MLflow; restore it .*--experiment-id {}"


def test_a_deleted_experiment_is_reported_with_a_remedy(state: Path) -> None:
    client = runs.client()
    experiment_id = runs.ensure_experiment("trec")
    client.delete_experiment(experiment_id)
    for ask in (
        runs.ensure_experiment,
        lambda name: experiments.check_names_available(client, name),
    ):
        with pytest.raises(InputError, match=DELETED.format(experiment_id)):
            ask("trec")
    client.restore_experiment(experiment_id)
    experiments.check_names_available(client, "trec")
    assert runs.ensure_experiment("trec") == experiment_id


def test_unused_names_are_available_and_stay_unused(state: Path) -> None:
    experiments.check_names_available(runs.client(), "trec")
    assert runs.client().get_experiment_by_name("trec") is None
    assert runs.client().search_registered_models() == []


@pytest.mark.parametrize("name", ["trec", "trec-pruned", "trec-audit"])
def test_a_name_that_a_prompt_has_is_refused(state: Path, name: str) -> None:
    mlflow.genai.register_prompt(name, "Classify {{text}}")
    with pytest.raises(InputError, match=f"name: {name} is the name of a prompt"):
        experiments.check_names_available(runs.client(), "trec")


def test_a_prompt_with_a_similar_name_is_no_conflict(state: Path) -> None:
    """The same prompt is a conflict for a recipe of its name."""
    mlflow.genai.register_prompt("trec-hints", "Classify {{text}}")
    experiments.check_names_available(runs.client(), "trec")
    with pytest.raises(InputError, match="name: trec-hints is the name of a prompt"):
        experiments.check_names_available(runs.client(), "trec-hints")


def test_experiments_open_in_the_view_of_models_and_runs(state: Path) -> None:
    client = runs.client()
    earlier = client.create_experiment("earlier", home.artifact_location("earlier"))
    for name in ("new", "earlier"):
        experiment = client.get_experiment(runs.ensure_experiment(name))
        assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    client.set_experiment_tag(earlier, "mlflow.experimentKind", "genai_development")
    runs.ensure_experiment("earlier")
    chosen = client.get_experiment(earlier).tags["mlflow.experimentKind"]
    assert chosen == "genai_development"
