"""Zero-shot probabilities are those of transformers' pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, softmax
from transformers import pipeline

from coldpress.benchmark.loading import Benchmark
from coldpress.data.splits import Split, row_ids
from coldpress.errors import InputError
from coldpress.kinds import KINDS, TEXT_CLASSIFICATION
from coldpress.kinds.kind import TaskKind
from coldpress.teacher.outputs.checks import check_outputs_teacher
from coldpress.teacher.outputs.section import ZeroShotTeacher
from coldpress.teacher.outputs.source import load_outputs_teacher
from tests.support.decoder_models import save_decoder

TEXTS = ("cold press", "olive oil slow stone", "warm")
SPLIT = Split(row_ids(TEXTS, None), TEXTS, None, (0, 1, 1))
HYPOTHESES = {"chilly": "cold stone", "heated": "warm oil fast"}
NLI = ("contradiction", "neutral", "entailment")


def benchmark(kind: TaskKind = TEXT_CLASSIFICATION) -> Benchmark:
    return Benchmark(kind, ("chilly", "heated"), SPLIT, SPLIT, SPLIT, digest="", overlap=0)


def teacher(directory: Path, labels: dict[str, str]) -> ZeroShotTeacher:
    return ZeroShotTeacher.model_validate(
        {"origin": "zero-shot", "model": str(directory), "labels": labels}
    )


@pytest.mark.parametrize("several", [False, True], ids=["one label", "any number"])
def test_probabilities_are_those_of_the_pipeline(several: bool, tmp_path: Path) -> None:
    directory = save_decoder(tmp_path / "model", labels=NLI)
    kind = KINDS["multi-label"] if several else TEXT_CLASSIFICATION
    answers = load_outputs_teacher(teacher(directory, HYPOTHESES), benchmark(kind), 32)
    logits = answers.for_evaluation(SPLIT)
    probabilities = expit(logits) if several else softmax(logits, axis=1)
    classify = pipeline("zero-shot-classification", model=str(directory), tokenizer=str(directory))
    for text, row in zip(TEXTS, probabilities, strict=True):
        result = classify(
            text, list(HYPOTHESES.values()), hypothesis_template="{}", multi_label=several
        )
        scores = dict(zip(result["labels"], result["scores"], strict=True))
        assert row == pytest.approx([scores[text] for text in HYPOTHESES.values()], abs=1e-3)
    assert np.ptp(probabilities[:, 0]) > 0.01


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"chilly": "cold"}, "teacher.labels: no hypothesis for 'heated'"),
        ({**HYPOTHESES, "hot": "warm"}, "teacher.labels: the benchmark has no label 'hot'"),
        ({**HYPOTHESES, "heated": " "}, "teacher.labels: the hypothesis of 'heated' is blank"),
    ],
)
def test_every_label_needs_a_hypothesis(
    labels: dict[str, str], message: str, tmp_path: Path
) -> None:
    directory = save_decoder(tmp_path / "model", labels=NLI)
    with pytest.raises(InputError, match=message):
        check_outputs_teacher(teacher(directory, labels), benchmark())


def test_the_model_must_tell_entailment_from_contradiction(tmp_path: Path) -> None:
    directory = save_decoder(tmp_path / "model", labels=("cold", "warm"))
    with pytest.raises(InputError, match="natural language inference has entailment and"):
        check_outputs_teacher(teacher(directory, HYPOTHESES), benchmark())
