"""Drift of a model that returns vectors: its own vectors are compared, and nothing else is."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import BertConfig

from coldpress.data.encoding import encode
from coldpress.data.splits import Split, row_ids
from coldpress.drift.detect import detect_drift
from coldpress.drift.observations import Observations, observe
from coldpress.evaluation.predictions import Predictions
from coldpress.kinds import task_kind
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.output_head import new_module
from coldpress.model.sentence_head import SentenceHead, write_head
from coldpress.model.serialization import write_checkpoint
from coldpress.onnx.export import export

KIND = task_kind("sentence-embedding")
WORDS = ("cold", "press", "olive", "oil", "slow", "warm", "fast", "stone")


@pytest.fixture
def classifier(tokenizer: Tokenizer) -> Classifier:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    write_head(config, SentenceHead())
    module = new_module(KIND, config).eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return Classifier(module, tokenizer, ("vector",), KIND)


@pytest.fixture
def model(classifier: Classifier, tmp_path: Path) -> Path:
    write_checkpoint(classifier, tmp_path / "model", Manifest(stage="train_teacher"))
    folder = tmp_path / "onnx"
    folder.mkdir()
    export(Checkpoint.open(tmp_path / "model"), folder, 17, {})
    return folder


def texts(seed: int, words: tuple[str, ...]) -> Split:
    numbers = random.Random(seed)
    lines = tuple(" ".join(numbers.choices(words, k=6)) for _ in range(60))
    return Split(row_ids(lines, None), lines, None, ())


def test_embeddings_are_the_models_vectors(classifier: Classifier, model: Path) -> None:
    rows = texts(0, WORDS)
    expected = classifier.logits(encode(classifier.tokenizer, rows)).numpy()
    np.testing.assert_allclose(observe(rows, model).profile.embeddings, expected, atol=1e-5)


def test_other_texts_drift_and_texts_of_the_same_kind_do_not(model: Path) -> None:
    """Evaluation stores rankings in place of vectors; they are not compared with new vectors."""
    test = texts(0, WORDS)
    rankings = {name: np.zeros((60, 3), dtype=np.float32) for name in ("teacher", "onnx")}
    judgements = np.array([[0, 1]] * 60)
    stored = Predictions(test.ids, KIND, ("vector",), judgements, rankings)
    before = Observations(stored, observe(test, model).profile)
    same = detect_drift("search/1", before, observe(texts(1, WORDS), model))
    assert (same.verdict, same.accuracy, same.agreement) == ("healthy", None, None)
    assert [test.way for test in same.drift] == ["length", "vocabulary", "embeddings"]
    other = detect_drift("search/1", before, observe(texts(1, WORDS[:2]), model))
    assert other.verdict == "drifted"
    assert [test.way for test in other.drift if test.drifted] == ["embeddings"]
