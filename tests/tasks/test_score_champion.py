from __future__ import annotations

from pathlib import Path

import in_service as pressed
import pytest
from in_service import rows, write
from prefect.logging import disable_run_logger

from coldpress.data.new_rows import NewRowsFile
from coldpress.drift.result import Reevaluation
from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint
from tasks import score_champion
from tasks.promotion import champion as in_service

ELSEWHERE = ("zebra", "giraffe", "okapi")


@pytest.fixture
def champion(state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint) -> None:
    """The tiny model is in service."""
    pressed.champion(tmp_path, tiny_checkpoint)


def scored(path: Path, labelled: bool = True) -> Reevaluation:
    """Show a file to the champion."""
    fresh = NewRowsFile(origin="files", path=path)
    with disable_run_logger():
        return score_champion.score_champion.fn(in_service.load_champion("tiny"), fresh, labelled)


@pytest.mark.usefixtures("champion")
def test_its_own_test_rows_are_answered_as_they_were(tmp_path: Path) -> None:
    found = scored(tmp_path / "test.jsonl")
    assert (found.model, found.verdict, found.n, found.judged_on) == ("tiny/1", "healthy", 90, 90)
    assert found.accuracy is not None
    assert found.accuracy.others is None
    assert found.accuracy.same is not None
    assert (found.accuracy.same.n, found.accuracy.same.only_baseline_right) == (90, 0)
    assert [one.effect for one in found.drift] == [0, 0, 0, 0]


@pytest.mark.usefixtures("champion")
def test_rows_from_elsewhere_have_drifted(tmp_path: Path) -> None:
    path = write(tmp_path / "fresh.jsonl", rows(7, 60, ELSEWHERE, longer=6))
    found = scored(path)
    drifted = [one.way for one in found.drift if one.drifted]
    assert drifted == ["length", "vocabulary", "embeddings"]
    assert found.drift[2].effect > 0.9


def test_a_model_that_was_better_when_it_was_judged_is_worse(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    pressed.champion(tmp_path, tiny_checkpoint, flattered=True)
    found = scored(write(tmp_path / "fresh.jsonl", rows(7, 60)))
    assert found.verdict == "worse"
    assert found.accuracy is not None
    assert found.accuracy.others is not None
    assert found.accuracy.others.n == 60
    assert found.accuracy.others.before.estimate == 1.0


@pytest.mark.usefixtures("champion")
def test_without_labels_its_teacher_is_asked(tmp_path: Path) -> None:
    """It was exported from this teacher as it is, so they agree on nearly everything."""
    found = scored(write(tmp_path / "fresh.jsonl", rows(7, 60), labelled=False), labelled=False)
    assert (found.accuracy, found.drift[0].way) == (None, "answers")
    assert found.agreement is not None
    assert found.agreement.n == 60
    assert found.agreement.fresh.estimate > 0.95


@pytest.mark.usefixtures("champion")
def test_a_teacher_that_is_gone_leaves_the_rest(state: Path, tmp_path: Path) -> None:
    for path in state.rglob("model.safetensors"):
        path.unlink()
    found = scored(write(tmp_path / "fresh.jsonl", rows(7, 60)), labelled=False)
    assert (found.agreement, len(found.drift)) == (None, 4)


@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"^fresh\.path: .*fresh\.jsonl: no such file"),
        ("[]", r"^fresh\.path: .*fresh\.jsonl line 1 is list, not an object"),
        ('{"text": "oil"}', r"^fresh\.path: .* line 1: no column 'label'"),
        ('{"text": "oil", "label": "hot"}', r"^fresh\.path: .* line 1: label 'hot' is not in the"),
        ('{"text": " ", "label": "warm"}', r"^fresh\.path: .* line 1: 'text' is blank"),
        ('{"text": "oil", "label": "warm"}', r"^fresh: 1 rows; at least 30 are needed"),
    ],
)
def test_bad_rows_are_named_before_anything_is_scored(
    state: Path, tmp_path: Path, content: str | None, said: str
) -> None:
    """Nothing could be scored: the model's file is not there."""
    champion = in_service.load_champion("tiny")
    for path in state.rglob("model.onnx"):
        path.unlink()
    fresh = NewRowsFile(origin="files", path=tmp_path / "fresh.jsonl")
    if content is not None:
        fresh.path.write_text(content)
    with pytest.raises(InputError, match=said):
        score_champion.score_champion.fn(champion, fresh, labelled=True)


def test_an_evaluation_that_is_too_old_says_how_to_make_a_new_one(
    state: Path, tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    pressed.champion(tmp_path, tiny_checkpoint, portrayed=False)
    with pytest.raises(InputError, match=r"^model: the evaluation of tiny/1 is older than re-eval"):
        scored(tmp_path / "test.jsonl")
