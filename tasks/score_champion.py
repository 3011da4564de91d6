"""Score the champion: show it fresh rows, and compare with what it was judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from coldpress.data.benchmark import read_new_rows
from coldpress.drift import profile
from coldpress.drift.detect import detect_drift
from coldpress.drift.observations import Observations, observe
from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.evaluation import predictions
from tasks.tracking import artifacts

if TYPE_CHECKING:
    from coldpress.data.new_rows import NewRowsSource
    from coldpress.data.splits import Split
    from coldpress.drift.proportions import Hits
    from coldpress.drift.result import Reevaluation
    from tasks.promotion.champion import ChampionRecord

MIN_ROWS = 30
"""Of fewer, next to nothing could be said."""


@task(name="score-champion", cache_policy=NO_CACHE)
def score_champion(champion: ChampionRecord, fresh: NewRowsSource, labelled: bool) -> Reevaluation:
    """Say whether the champion still is what its scorecard says; all input is read first."""
    before = _test_observations(champion)
    rows = _read_new_rows(champion, fresh, before.predictions.label_names if labelled else None)
    with artifacts.open_checkpoint(champion.model_uri) as checkpoint:
        seen = observe(rows, checkpoint.path)
    as_teacher = None if labelled else _teacher_agreement(champion, rows, seen)
    return detect_drift(champion.name, before, seen, as_teacher)


def _test_observations(champion: ChampionRecord) -> Observations:
    """The test rows, as evaluation kept them: their texts are not opened again."""
    with artifacts.open_checkpoint(champion.evaluation_uri) as checkpoint:
        kept = profile.read_profile(checkpoint.path)
        if kept is None:
            old = f"the evaluation of {champion.name} is older than re-evaluation"
            raise InputError(f"model: {old}; run its recipe again, which evaluates it anew")
        return Observations(predictions.read_predictions(checkpoint.path), kept)


def _read_new_rows(
    champion: ChampionRecord, fresh: NewRowsSource, labels: tuple[str, ...] | None
) -> Split:
    rows = read_new_rows(fresh, champion.recipe.benchmark.columns, labels, "fresh")
    if len(rows) < MIN_ROWS:
        raise InputError(f"fresh: {len(rows)} rows; at least {MIN_ROWS} are needed")
    return rows


def _teacher_agreement(champion: ChampionRecord, rows: Split, seen: Observations) -> Hits | None:
    """Ask its teacher too: without labels, nobody else knows better."""
    from coldpress.data.encoding import encode
    from coldpress.model.serialization import load_classifier

    try:
        with artifacts.open_checkpoint(champion.teacher_uri or "") as checkpoint:
            teacher = load_classifier(checkpoint)
            given = teacher.logits(encode(teacher.tokenizer, rows)).argmax(-1).numpy()
    except CorruptCheckpointError as error:
        get_run_logger().warning("Its teacher cannot be asked: %s", error)
        return None
    names = seen.predictions.label_names
    theirs = [teacher.labels[number] for number in given]
    ours = [names[number] for number in seen.predictions.predicted_labels(seen.predictions.final)]
    return np.array([one == other for one, other in zip(ours, theirs, strict=True)])
