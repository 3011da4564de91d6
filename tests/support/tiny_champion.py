"""A tiny champion, with all that its run has left of it: recipe, evaluation, teacher."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from coldpress.benchmark.loading import load_benchmark
from coldpress.drift import profile
from coldpress.drift.observations import Observations, observe
from coldpress.evaluation import predictions
from coldpress.evaluation.predictions import Predictions
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.onnx.export import export
from coldpress.recipe.recipe import Recipe
from tasks.tracking import artifacts, registry, runs
from tasks.tracking.results import StageResult

LABELS = ("calm", "fast", "warm")
WORDS = ("cold", "press", "olive", "oil", "slow", "warm", "fast", "stone")
FLOW_RUN = "run-by-hand"


def rows(seed: int, count: int, words: Sequence[str] = WORDS, longer: int = 0) -> list[list[str]]:
    """Texts of 5 to 9 words and more, with their labels, a third each."""
    generator = random.Random(seed)
    texts = [generator.choices(words, k=longer + generator.randint(5, 9)) for _ in range(count)]
    return [[" ".join(text), LABELS[n % 3]] for n, text in enumerate(texts)]


def write(path: Path, read: Sequence[Sequence[str]], labelled: bool = True) -> Path:
    """Put rows into a file, with their labels or without."""
    records = [{"text": text, **({"label": label} if labelled else {})} for text, label in read]
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def champion(
    place: Path, tiny: Checkpoint, *, flattered: bool = False, portrayed: bool = True
) -> Recipe:
    """Register the tiny model as the champion of `tiny`, with itself as teacher.

    Flattered, its kept answers are all right, which hardly any of its answers are.
    """
    train = write(place / "train.jsonl", rows(0, 60))
    test = write(place / "test.jsonl", rows(1, 90))
    recipe = Recipe.model_validate(
        {
            "name": "tiny",
            "benchmark": {
                "kind": "text-classification",
                "source": {"origin": "files", "train": str(train), "test": str(test)},
            },
            "teacher": {"model": {"origin": "scratch"}},
        }
    )
    with new_checkpoint(place / "onnx", Manifest(stage="export_onnx")) as directory:
        export(tiny, directory, 17, {"pairs": "false"})
    checkpoint = Checkpoint.open(place / "onnx")
    observed = observe(load_benchmark(recipe.benchmark, 0).test, checkpoint.path)
    _chain(recipe)
    _stage("train_teacher", _model(tiny, place, "tiny-teacher"), ())
    uri = _model(checkpoint, place, "tiny")
    registry.register("tiny", uri, _run("export_onnx"), {"digest": checkpoint.digest})
    runs.client().set_registered_model_alias("tiny", "champion", "1")
    _judge(place, _flattered(observed) if flattered else observed, checkpoint.digest, portrayed)
    return recipe


def _chain(recipe: Recipe) -> None:
    tags = {"flow_run_id": FLOW_RUN, "report": "tiny/1", "recipe_digest": "0"}
    run_id = runs.open_run(runs.ensure_experiment("tiny"), "tiny", tags)
    text = yaml.safe_dump(recipe.model_dump(mode="json"))
    runs.client().log_text(run_id, text, "recipe.yaml")
    runs.client().set_terminated(run_id)


def _run(stage: str) -> str:
    tags = {"flow_run_id": FLOW_RUN, "stage": stage}
    run_id = runs.open_run(runs.ensure_experiment("tiny"), stage, tags)
    runs.client().set_terminated(run_id)
    return run_id


def _stage(stage: str, uri: str, parents: tuple[str, ...]) -> None:
    result = {"stage": stage, "status": "ran", "model_uri": uri, "parents": parents}
    runs.write_result(_run(stage), StageResult.model_validate(result))


def _model(checkpoint: Checkpoint, place: Path, name: str) -> str:
    packed = artifacts.package_torch(checkpoint.path, place / f"packed-{name}")
    return artifacts.log_model(_run("export_onnx"), name, packed, "export_onnx")


def _judge(place: Path, observed: Observations, digest: str, portrayed: bool) -> None:
    with new_checkpoint(place / "evaluation", Manifest(stage="evaluate")) as directory:
        predictions.write_predictions(observed.predictions, directory)
        if portrayed:
            profile.write_profile(observed.profile, directory)
    _stage(
        "evaluate",
        artifacts.log_checkpoint(_run("evaluate"), place / "evaluation", "evaluate"),
        (digest,),
    )


def _flattered(observed: Observations) -> Observations:
    answers = observed.predictions
    right = {"onnx": np.eye(3, dtype=np.float32)[answers.targets]}
    return Observations(
        Predictions(answers.ids, answers.kind, answers.names, answers.targets, right),
        observed.profile,
    )
