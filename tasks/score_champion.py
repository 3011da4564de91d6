"""Score the champion: show it fresh rows, and compare with what it was judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from coldpress.data.benchmark import read_fresh
from coldpress.drift import profile
from coldpress.drift.detect import judge
from coldpress.drift.observations import Seen, look
from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.evaluation import predictions
from tasks.tracking import artifacts

if TYPE_CHECKING:
    from coldpress.data.new_rows import Fresh
    from coldpress.data.splits import Split
    from coldpress.drift.proportions import Hits
    from coldpress.drift.result import Reevaluation
    from tasks.promotion.champion import InService

FEWEST_ROWS = 30
"""Of fewer, next to nothing could be said."""


@task(name="score-champion", cache_policy=NO_CACHE)
def score_champion(champion: InService, fresh: Fresh, labelled: bool) -> Reevaluation:
    """Say whether the champion still is what its scorecard says; all input is read first."""
    before = _judged_on(champion)
    rows = _read(champion, fresh, before.answers.label_names if labelled else None)
    with artifacts.fetched(champion.model_uri) as checkpoint:
        seen = look(rows, checkpoint.path)
    as_teacher = None if labelled else _as_teacher(champion, rows, seen)
    return judge(champion.name, before, seen, as_teacher)


def _judged_on(champion: InService) -> Seen:
    """The test rows, as evaluation kept them: their texts are not opened again."""
    with artifacts.fetched(champion.evaluation_uri) as checkpoint:
        kept = profile.read(checkpoint.path)
        if kept is None:
            old = f"the evaluation of {champion.name} is older than re-evaluation"
            raise InputError(f"model: {old}; run its recipe again, which evaluates it anew")
        return Seen(predictions.read(checkpoint.path), kept)


def _read(champion: InService, fresh: Fresh, labels: tuple[str, ...] | None) -> Split:
    rows = read_fresh(fresh, champion.recipe.benchmark.columns, labels, "fresh")
    if len(rows) < FEWEST_ROWS:
        raise InputError(f"fresh: {len(rows)} rows; at least {FEWEST_ROWS} are needed")
    return rows


def _as_teacher(champion: InService, rows: Split, seen: Seen) -> Hits | None:
    """Ask its teacher too: without labels, nobody else knows better."""
    from coldpress.data.encoding import encode
    from coldpress.model.serialization import load

    try:
        with artifacts.fetched(champion.teacher_uri or "") as checkpoint:
            teacher = load(checkpoint)
            given = teacher.logits(encode(teacher.tokenizer, rows)).argmax(-1).numpy()
    except CorruptCheckpointError as error:
        get_run_logger().warning("Its teacher cannot be asked: %s", error)
        return None
    names = seen.answers.label_names
    theirs = [teacher.labels[number] for number in given]
    ours = [names[number] for number in seen.answers.predicted(seen.answers.final)]
    return np.array([one == other for one, other in zip(ours, theirs, strict=True)])
