"""Few labels: pairs of texts, their loss, and the linear head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from coldpress.data.encoding import encode
from coldpress.data.splits import Split, row_ids
from coldpress.kinds import TEXT_CLASSIFICATION, task_kind
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.model.classifier import Classifier, score
from coldpress.model.output_head import new_module
from coldpress.model.sentence_head import SentenceHead, write_head
from coldpress.model.serialization import load_classifier, write_checkpoint
from coldpress.model.surgery import keep_heads, keep_width
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.schema.section import Optimization
from coldpress.training.contrastive import FewLabels, draw_pairs, fit_contrastive, pair_loss

Make = Callable[..., Classifier]
TEXTS = ("cold stone", "cold slow", "slow stone cold", "warm oil", "warm fast", "fast oil warm")
TARGETS = (0, 0, 0, 2, 2, 2)
SPLIT = Split(row_ids(TEXTS, None), TEXTS, None, TARGETS)
LABELS = ("cold", "never", "warm")
PLAN = Optimization(epochs=20, learning_rate=2e-3, batch_size=4, freeze_embeddings=False)


@pytest.fixture
def encoder(random_classifier: Make) -> Classifier:
    """A sentence encoder of three layers."""
    source = random_classifier("bert")
    write_head(source.config, SentenceHead())
    kind = task_kind("sentence-embedding")
    torch.manual_seed(0)
    module = new_module(kind, source.config).eval()
    return Classifier(module, source.tokenizer, ("vector",), kind)


@pytest.fixture
def data(encoder: Classifier) -> FewLabels:
    rows = encode(encoder.tokenizer, SPLIT)
    return FewLabels(rows, rows, TEXT_CLASSIFICATION, LABELS, pairs=3)


def test_each_text_has_as_many_pairs_of_either_kind() -> None:
    targets = np.array([0, 0, 1, 1, 1])
    pairs = draw_pairs(targets, 4)
    assert pairs.shape == (5 * 2 * 4, 2)
    assert np.bincount(pairs[:, 0]).tolist() == [8] * 5
    same = targets[pairs[:, 0]] == targets[pairs[:, 1]]
    assert same.sum() == 20
    assert (pairs[:, 0] != pairs[:, 1]).all()


def test_a_text_that_is_alone_with_its_label_has_negative_pairs_only() -> None:
    targets = np.array([0, 1, 1])
    pairs = draw_pairs(targets, 2)
    assert [tuple(pair) for pair in pairs if pair[0] == 0 and pair[1] == 0] == []
    assert np.bincount(pairs[:, 0]).tolist() == [2, 4, 4]


def test_the_loss_is_the_squared_difference_of_the_cosine() -> None:
    vectors = torch.tensor([[1.0, 0.0], [0.6, 0.8], [1.0, 0.0], [0.6, 0.8]])
    loss = pair_loss(np.array([0, 0, 1]))
    # Same label: (0.6 - 1)^2; different labels: 0.6^2.
    value = loss(vectors, torch.tensor([0, 1, 0, 2]))
    assert float(value) == pytest.approx((0.16 + 0.36) / 2)


def test_a_trained_encoder_tells_the_labels_apart(encoder: Classifier, data: FewLabels) -> None:
    torch.manual_seed(0)
    teacher, epochs = fit_contrastive(encoder, data, PLAN)
    assert epochs[-1].loss < epochs[0].loss
    assert score(teacher, data.validation) == 1.0
    assert (teacher.labels, teacher.kind, teacher.tokens_read) == (
        LABELS,
        TEXT_CLASSIFICATION,
        "mean",
    )
    # The label of no text never wins.
    assert set(teacher.logits(data.train).argmax(dim=1).tolist()) == {0, 2}


def test_the_classifier_is_stored_pruned_and_exported_like_others(
    encoder: Classifier, data: FewLabels, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    teacher, _ = fit_contrastive(encoder, data, PLAN)
    small = keep_width(keep_heads(teacher, [[0, 1], [2], [1, 3]]), range(8))
    write_checkpoint(small, tmp_path / "model", Manifest(stage="quantize"))
    checkpoint = Checkpoint.open(tmp_path / "model")
    loaded = load_classifier(checkpoint)
    assert torch.equal(loaded.logits(data.train), small.logits(data.train))
    export(checkpoint, tmp_path, 17, {})
    parity = check_parity(checkpoint, tmp_path / "model.onnx", data.train)
    assert parity.max_logit_difference < 1e-4
