from __future__ import annotations

from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from coldpress.data.new_rows import NewRowsFile
from coldpress.drift.result import Reevaluation
from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint
from tasks import score_champion
from tasks.promotion import champion as champions
from tests.support import tiny_champion as fixtures
from tests.support.tiny_champion import rows, write

ELSEWHERE = ("zebra", "giraffe", "okapi")


@pytest.fixture
def champion(state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint) -> None:
    """The tiny model is the champion."""
    fixtures.champion(tmp_path, tiny_checkpoint)


def score(path: Path, labelled: bool = True) -> Reevaluation:
    """Score the champion on a file."""
    fresh = NewRowsFile(origin="files", path=path)
    with disable_run_logger():
        return score_champion.score_champion.fn(champions.load_champion("tiny"), fresh, labelled)


@pytest.mark.usefixtures("champion")
def test_its_own_test_rows_are_healthy(tmp_path: Path) -> None:
    reevaluation = score(tmp_path / "test.jsonl")
    assert (reevaluation.model, reevaluation.verdict, reevaluation.n, reevaluation.judged_on) == (
        "tiny/1",
        "healthy",
        90,
        90,
    )
    assert reevaluation.accuracy is not None
    assert reevaluation.accuracy.others is None
    assert reevaluation.accuracy.same is not None
    assert (reevaluation.accuracy.same.n, reevaluation.accuracy.same.only_baseline_right) == (90, 0)
    assert [test.effect for test in reevaluation.drift] == [0, 0, 0, 0]


@pytest.mark.usefixtures("champion")
def test_rows_from_elsewhere_have_drifted(tmp_path: Path) -> None:
    path = write(tmp_path / "fresh.jsonl", rows(7, 60, ELSEWHERE, longer=6))
    reevaluation = score(path)
    drifted = [test.way for test in reevaluation.drift if test.drifted]
    assert drifted == ["length", "vocabulary", "embeddings"]
    assert reevaluation.drift[2].effect > 0.9


def test_a_model_that_was_better_on_its_test_rows_is_worse(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    fixtures.champion(tmp_path, tiny_checkpoint, flattered=True)
    reevaluation = score(write(tmp_path / "fresh.jsonl", rows(7, 60)))
    assert reevaluation.verdict == "worse"
    assert reevaluation.accuracy is not None
    assert reevaluation.accuracy.others is not None
    assert reevaluation.accuracy.others.n == 60
    assert reevaluation.accuracy.others.before.estimate == 1.0


@pytest.mark.usefixtures("champion")
def test_without_labels_it_is_compared_with_its_teacher(tmp_path: Path) -> None:
    """It was exported from this teacher unchanged, so they agree on nearly all rows."""
    reevaluation = score(
        write(tmp_path / "fresh.jsonl", rows(7, 60), labelled=False), labelled=False
    )
    assert (reevaluation.accuracy, reevaluation.drift[0].way) == (None, "answers")
    assert reevaluation.agreement is not None
    assert reevaluation.agreement.n == 60
    assert reevaluation.agreement.fresh.estimate > 0.95


@pytest.mark.usefixtures("champion")
def test_a_missing_teacher_leaves_out_the_agreement_alone(state: Path, tmp_path: Path) -> None:
    for path in state.rglob("model.safetensors"):
        path.unlink()
    reevaluation = score(write(tmp_path / "fresh.jsonl", rows(7, 60)), labelled=False)
    assert (reevaluation.agreement, len(reevaluation.drift)) == (None, 4)


@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"^fresh\.path: .*fresh\.jsonl: no such file"),
        ("[]", r"^fresh\.path: .*fresh\.jsonl line 1 is list, not an object"),
        ('{"text": "oil"}', r"^fresh\.path: .* line 1: no column 'label'"),
        ('{"text": "oil", "label": "hot"}', r"^fresh\.path: .* line 1: label 'hot' is not in the"),
        ('{"text": " ", "label": "warm"}', r"^fresh\.path: .* line 1: 'text' is blank"),
        ('{"text": "oil", "label": "warm"}', r"^fresh: 1 rows; at least 30 are needed"),
    ],
)
def test_bad_rows_are_refused_before_the_model_is_run(
    state: Path, tmp_path: Path, content: str | None, message: str
) -> None:
    """The model could not be run: its file is missing."""
    champion = champions.load_champion("tiny")
    for path in state.rglob("model.onnx"):
        path.unlink()
    fresh = NewRowsFile(origin="files", path=tmp_path / "fresh.jsonl")
    if content is not None:
        fresh.path.write_text(content)
    with pytest.raises(InputError, match=message):
        score_champion.score_champion.fn(champion, fresh, labelled=True)


def test_an_evaluation_without_a_profile_is_refused(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    fixtures.champion(tmp_path, tiny_checkpoint, portrayed=False)
    with pytest.raises(InputError, match=r"^model: the evaluation of tiny/1 is older than re-eval"):
        score(tmp_path / "test.jsonl")
