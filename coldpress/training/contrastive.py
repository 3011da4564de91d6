"""Few labels: contrastive fine-tuning of a sentence encoder, then a linear head.

Tunstall et al. 2022, "Efficient Few-Shot Learning Without Prompts" (SetFit), section 3: pairs of
texts with the same label should have a cosine of 1, other pairs one of 0; then a logistic
regression is fitted on the vectors of the labelled texts.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit
from coldpress.kinds.kind import TaskKind
from coldpress.model.classifier import Classifier, score
from coldpress.model.sentence_head import DENSE, Dense, SentenceHead, read_head, write_head
from coldpress.model.sentence_model import SentenceModel
from coldpress.schema.section import Optimization
from coldpress.training.freezing import freeze_embeddings
from coldpress.training.loop import Epoch
from coldpress.training.step import Loss, ProgressCallback, TrainingStep, no_progress

_REGRESSION_STEPS = 1000


@dataclass(frozen=True)
class FewLabels:
    """The labelled texts and what the classifier is to predict.

    Attributes:
        train: Labelled texts.
        validation: Labelled texts that are not trained on; every epoch is scored on them.
        kind: Classification with one label.
        labels: Their names.
        pairs: Number of positive and of negative pairs for each text (R in the paper).
    """

    train: EncodedSplit
    validation: EncodedSplit
    kind: TaskKind
    labels: tuple[str, ...]
    pairs: int


def fit_contrastive(
    encoder: Classifier,
    data: FewLabels,
    plan: Optimization,
    progress: ProgressCallback = no_progress,
) -> tuple[Classifier, tuple[Epoch, ...]]:
    """Train a sentence encoder on pairs, and fit a linear head.

    Args:
        encoder: A model of sentence embeddings; changed in place.
        data: The labelled texts.
        plan: Epochs over the pairs, learning rate, and pairs in a batch.
        progress: Called after each step.

    Returns:
        A classifier whose head reads the pooled vector, and the epochs.

    Raises:
        DivergedError: The loss or a weight is not finite any more.
    """
    write_head(encoder.config, replace(read_head(encoder.config), normalize=True))
    epochs: list[Epoch] = []
    with freeze_embeddings(encoder, plan.freeze_embeddings):
        pairs = draw_pairs(data.train.targets, data.pairs)
        batches = math.ceil(len(pairs) / plan.batch_size)
        loss = pair_loss(data.train.targets)
        steps = batches * plan.epochs
        step = TrainingStep(encoder, loss, plan.learning_rate, steps, progress, plan.dropout)
        for number in range(1, plan.epochs + 1):
            start = time.perf_counter()
            losses = [step(data.train.batch(rows)) for rows in _shuffle(pairs, plan.batch_size)]
            step.check_weights()
            encoder.module.eval()
            classifier = add_linear_head(encoder, data)
            value = score(classifier, data.validation)
            seconds = time.perf_counter() - start
            epochs.append(Epoch(number, float(np.mean(losses)), value, seconds))
    return classifier, tuple(epochs)


def draw_pairs(targets: NDArray[np.int64], pairs: int) -> NDArray[np.int64]:
    """Draw pairs of texts with the same label, and as many with different ones.

    Args:
        targets: Label of each text, shape (texts,).
        pairs: Pairs of either kind for each text. A text whose label no other has, and one whose
            label all have, has pairs of one kind only.

    Returns:
        Numbers of the texts, shape (pairs, 2).
    """
    generator = np.random.default_rng(int(torch.randint(2**31, (1,))))
    numbers: list[tuple[int, int]] = []
    for text, label in enumerate(targets.tolist()):
        same = np.flatnonzero((targets == label) & (np.arange(len(targets)) != text))
        different = np.flatnonzero(targets != label)
        for candidates in (same, different):
            if len(candidates):
                partners = generator.choice(candidates, pairs).tolist()
                numbers += [(text, partner) for partner in partners]
    return np.array(numbers, dtype=np.int64)


def pair_loss(targets: NDArray[np.int64]) -> Loss:
    """Return the squared difference of cosines from 1 for the same label, else from 0.

    Args:
        targets: Label of each text, shape (texts,).

    Returns:
        A loss of vectors of length 1, shape (2 * pairs, dimension), where two rows are a pair, and
        of the numbers of their texts.
    """
    labels = torch.from_numpy(targets)

    def loss(vectors: Tensor, texts: Tensor) -> Tensor:
        names = labels[texts].to(vectors.device)
        same = (names[0::2] == names[1::2]).float()
        cosines = (vectors[0::2] * vectors[1::2]).sum(dim=1)
        return nn.functional.mse_loss(cosines, same)

    return loss


def _shuffle(pairs: NDArray[np.int64], batch_size: int) -> Iterator[list[int]]:
    order = torch.randperm(len(pairs)).numpy()
    for start in range(0, len(order), batch_size):
        yield pairs[order[start : start + batch_size]].flatten().tolist()


def add_linear_head(encoder: Classifier, data: FewLabels) -> Classifier:
    """Return a classifier with the encoder's weights and a fitted linear head.

    Args:
        encoder: A model of sentence embeddings.
        data: The labelled texts.
    """
    pooling = read_head(encoder.config).pooling
    vectors = _with_head(encoder, encoder.encoder, SentenceHead(pooling, None, normalize=False))
    features = vectors.logits(data.train).numpy()
    regression = LogisticRegression(max_iter=_REGRESSION_STEPS).fit(features, data.train.targets)
    head = SentenceHead(pooling, Dense(len(data.labels)), normalize=False)
    pooled = _with_head(encoder, copy.deepcopy(encoder.encoder), head)
    classifier = replace(pooled, labels=data.labels, kind=data.kind)
    _copy_weights(classifier, regression)
    return classifier


def _with_head(encoder: Classifier, module: nn.Module, head: SentenceHead) -> Classifier:
    """Return a model of the encoder's module, or of a copy of it, with another head."""
    config = copy.deepcopy(encoder.config)
    config.id2label = {0: "vector"}
    write_head(config, head)
    return replace(encoder, module=SentenceModel(module, config).eval())


@torch.no_grad()
def _copy_weights(classifier: Classifier, regression: LogisticRegression) -> None:
    """Set the rows of the classes that the regression saw; those of others never win."""
    dense = cast("nn.Linear", classifier.module.get_submodule(DENSE))
    weight, bias = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # one row, of the second class against the first
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    dense.weight.zero_()
    dense.bias.fill_(float(bias.min()) - 10.0)
    dense.weight[regression.classes_] = torch.from_numpy(weight).float()
    dense.bias[regression.classes_] = torch.from_numpy(bias).float()
