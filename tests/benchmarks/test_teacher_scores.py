"""Scores of a teacher on the test rows, for a tiny encoder with random weights."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import teacher_scores
import yaml

RECIPE = {
    "name": "tiny",
    "benchmark": {
        "kind": "sentence-embedding",
        "source": {"origin": "synthetic", "train_examples": 60, "test_examples": 60},
        "max_tokens": 32,
    },
    "teacher": {
        "model": {"origin": "scratch", "layers": 1, "hidden_size": 16, "heads": 2, "neurons": 16},
        "epochs": 0,
    },
}


def run(monkeypatch: pytest.MonkeyPatch, recipe: Path, *words: str) -> None:
    """Run the script on a recipe."""
    monkeypatch.setattr(sys, "argv", ["teacher_scores.py", str(recipe), *words])
    teacher_scores.main()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe whose teacher is not trained."""
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    return path


@pytest.mark.parametrize("words", [(), ("--bf16",)])
def test_every_metric_is_printed(
    recipe: Path,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(monkeypatch, recipe, *words)
    scores = json.loads(capsys.readouterr().out)
    assert list(scores) == ["ndcg_at_10", "recall_at_100", "seconds"]
    assert 0 < scores["ndcg_at_10"] < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("teacher.epochs=1", "teacher.epochs: not 0, so the teacher needs training"),
        ("teacher.epoch=0", "teacher.epoch: unknown key"),
    ],
)
def test_wrong_input_ends_with_a_message(
    recipe: Path,
    change: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, recipe, "--set", change)
    assert end.value.code == 2
    assert message in capsys.readouterr().err
