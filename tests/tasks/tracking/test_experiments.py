"""What in MLflow would stop a run is said before it begins."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest

from coldpress.errors import InputError
from tasks.tracking import experiments, runs

DELETED = "name: the experiment trec was deleted in MLflow; restore it .*--experiment-id {}"


def test_an_experiment_that_was_deleted_is_named_with_what_to_do(state: Path) -> None:
    client = runs.client()
    made = runs.ensure_experiment("trec")
    client.delete_experiment(made)
    for ask in (
        runs.ensure_experiment,
        lambda name: experiments.check_names_available(client, name),
    ):
        with pytest.raises(InputError, match=DELETED.format(made)):
            ask("trec")
    client.restore_experiment(made)
    experiments.check_names_available(client, "trec")
    assert runs.ensure_experiment("trec") == made


def test_what_was_never_made_stops_nothing(state: Path) -> None:
    experiments.check_names_available(runs.client(), "trec")


@pytest.mark.parametrize("name", ["trec", "trec-pruned", "trec-audit"])
def test_a_name_that_a_prompt_has_is_refused(state: Path, name: str) -> None:
    mlflow.genai.register_prompt(name, "Classify {{text}}")
    with pytest.raises(InputError, match=f"name: {name} is the name of a prompt"):
        experiments.check_names_available(runs.client(), "trec")


def test_a_prompt_of_a_similar_name_is_none_of_ours(state: Path) -> None:
    mlflow.genai.register_prompt("trec-hints", "Classify {{text}}")
    experiments.check_names_available(runs.client(), "trec")
