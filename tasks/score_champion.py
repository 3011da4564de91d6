"""Score the champion on new rows and compare with its evaluation on the test rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from coldpress.benchmark.loading import read_new_rows
from coldpress.drift import profile
from coldpress.drift.detect import agreement_scores, detect_drift
from coldpress.drift.observations import Observations, observe
from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.evaluation import predictions
from coldpress.kinds import task_kind
from coldpress.kinds.samples import evaluable_rows
from coldpress.kinds.vectors import learns_vectors
from tasks.tracking import artifacts

if TYPE_CHECKING:
    from coldpress.data.new_rows import NewRowsSource
    from coldpress.data.splits import Split
    from coldpress.drift.result import Reevaluation
    from coldpress.evaluation.predictions import Predictions
    from coldpress.kinds.scores import SampleScores
    from tasks.promotion.champion import ChampionRecord

MIN_ROWS = 30
"""With fewer rows, no drift test could show anything."""


@task(name="score-champion", cache_policy=NO_CACHE)
def score_champion(champion: ChampionRecord, fresh: NewRowsSource, labelled: bool) -> Reevaluation:
    """Test whether the scorecard still holds; all input is read before the model is run."""
    baseline = _test_observations(champion)
    vectors = learns_vectors(baseline.predictions.kind)
    labelled = labelled and not vectors  # texts have none
    rows = _read_new_rows(champion, fresh, baseline.predictions.names if labelled else None)
    with artifacts.open_checkpoint(champion.model_uri) as checkpoint:
        current = observe(rows, checkpoint.path)
    agreement = None
    if not labelled and not vectors and champion.teacher_uri is not None:
        agreement = _teacher_agreement(champion, rows, current, baseline.predictions)
    return detect_drift(champion.name, baseline, current, agreement)


def _test_observations(champion: ChampionRecord) -> Observations:
    """Read what the evaluation stored of the test rows; their texts are not read again."""
    with artifacts.open_checkpoint(champion.evaluation_uri) as checkpoint:
        test_profile = profile.read_profile(checkpoint.path)
        if test_profile is None:
            raise InputError(
                f"model: the evaluation of {champion.name} is older than re-evaluation and has no"
                " profile; run its recipe again"
            )
        return Observations(predictions.read_predictions(checkpoint.path), test_profile)


def _read_new_rows(
    champion: ChampionRecord, fresh: NewRowsSource, labels: tuple[str, ...] | None
) -> Split:
    rows = read_new_rows(fresh, champion.recipe.benchmark, labels, "fresh")
    if labels is not None:
        rows = evaluable_rows(task_kind(champion.recipe.benchmark.task_kind_name), rows)
    if len(rows) < MIN_ROWS:
        raise InputError(f"fresh: {len(rows)} rows; at least {MIN_ROWS} are needed")
    return rows


def _teacher_agreement(
    champion: ChampionRecord, rows: Split, current: Observations, baseline: Predictions
) -> SampleScores | None:
    """Compare with the teacher's predictions, the best reference if there are no labels."""
    from coldpress.data.encoding import encode
    from coldpress.model.serialization import load_classifier

    predicted = current.predictions
    try:
        with artifacts.open_checkpoint(champion.teacher_uri or "") as checkpoint:
            teacher = load_classifier(checkpoint)
            outputs = teacher.logits(encode(teacher.tokenizer, rows)).numpy()
    except CorruptCheckpointError as error:
        get_run_logger().warning("No agreement with the teacher of %s: %s", champion.name, error)
        return None
    outputs = predictions.reorder_outputs(outputs, teacher.labels, baseline.names)
    outputs = baseline.margins(baseline.teacher, outputs)
    outputs = predictions.reorder_outputs(outputs, baseline.names, predicted.names)
    return agreement_scores(predicted, predicted.final, outputs, baseline.scale)
