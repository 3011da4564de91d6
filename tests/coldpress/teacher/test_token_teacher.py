"""Teachers with a head for every token: fine-tuned ones, and text classifiers in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.data.words import split_words
from coldpress.errors import InputError
from coldpress.kinds import KINDS, TEXT_CLASSIFICATION
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import save_classifier
from coldpress.teacher.build import build_teacher
from coldpress.teacher.spec import Teacher

KIND = KINDS["token-classification"]
NAMES = ("O", "B-x", "I-x")
Make = Callable[..., Classifier]


@pytest.fixture
def words(split: Split) -> Split:
    return replace(split, targets=(), words=tuple(map(split_words, split.texts)))


@pytest.fixture
def benchmark(words: Split) -> Benchmark:
    return Benchmark(KIND, NAMES, words, words, words, digest="", overlap=0)


def saved(classifier: Classifier, names: tuple[str, ...], directory: Path, epochs: int) -> Teacher:
    directory.mkdir()
    save_classifier(replace(classifier, labels=names), directory)
    return Teacher.model_validate({"model": str(directory), "epochs": epochs})


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_a_tuned_head_is_reordered_to_the_benchmarks_tags(
    random_classifier: Make, family: str, benchmark: Benchmark, tmp_path: Path
) -> None:
    original = random_classifier(family, KIND)
    teacher = saved(original, ("B-x", "I-x", "O"), tmp_path / "tuned", 0)
    built = build_teacher(teacher, benchmark, 16)
    rows = encode(original.tokenizer, benchmark.train)
    torch.testing.assert_close(built.logits(rows), original.logits(rows)[:, [2, 0, 1]])


def test_a_text_classifier_cannot_stand_in_for_it(
    random_classifier: Make, benchmark: Benchmark, tmp_path: Path
) -> None:
    classifier = random_classifier("bert", TEXT_CLASSIFICATION)
    teacher = saved(classifier, NAMES, tmp_path / "texts", 0)
    with pytest.raises(InputError, match=r"architectures is 'BertForSequenceClassification'"):
        build_teacher(teacher, benchmark, 16)


def test_the_encoder_of_a_text_classifier_can_be_trained(
    random_classifier: Make, benchmark: Benchmark, tmp_path: Path
) -> None:
    classifier = random_classifier("roberta", TEXT_CLASSIFICATION)
    built = build_teacher(saved(classifier, ("a", "b", "c"), tmp_path / "texts", 1), benchmark, 16)
    assert type(built.module).__name__ == "RobertaForTokenClassification"
    assert torch.equal(built.token_table.weight, classifier.token_table.weight)
