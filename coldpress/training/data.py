"""The data that a method trains on, and the callback that receives its epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from tokenizers import Tokenizer

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.classifier import Classifier
from coldpress.training.loop import Epoch, target_loss
from coldpress.training.step import Loss

EpochsCallback = Callable[[str, tuple[Epoch, ...]], None]
"""Called after each run of the training loop with its name and its epochs.

A method that runs the loop once gives an empty name.
"""


def ignore_epochs(name: str, epochs: tuple[Epoch, ...]) -> None:
    """Ignore epochs: the default callback."""


@dataclass(frozen=True)
class TrainingData:
    """Encoded rows, and the loss to train with.

    Attributes:
        train: Training rows; unlabelled rows come last.
        loss: Of the logits, for unit numbers of `train`.
        validation: Labelled rows that are not trained on.
        encode: Encodes the texts of the same rows for another model; None: they are not at hand.
    """

    train: EncodedSplit
    loss: Loss
    validation: EncodedSplit
    encode: Callable[[Classifier], TrainingData] | None = None

    def for_model(self, classifier: Classifier, tokenizer: Tokenizer) -> TrainingData:
        """Return the rows as a model reads them whose tokenizer may have changed.

        Args:
            classifier: The model.
            tokenizer: That of the rows.

        Raises:
            ValueError: Another tokenizer needs the texts, which are not at hand.
        """
        if classifier.tokenizer is tokenizer:
            return self
        if self.encode is None:
            raise ValueError("rows without their texts cannot be encoded for another tokenizer")
        return self.encode(classifier)

    def sample(self, count: int) -> TrainingData:
        """Return the same random training rows every time, and the loss for their numbers.

        Args:
            count: Number of training rows; all rows if there are fewer.
        """
        train, loss = self.train, self.loss
        if len(train) <= count:
            return self
        rows = np.sort(np.random.default_rng(0).choice(len(train), count, replace=False))
        numbers = torch.from_numpy(train.units_of(rows))
        return replace(
            self,
            train=train.take(rows),
            encode=None,
            loss=lambda logits, units: loss(logits, numbers[units]),
        )


def labelled_data(classifier: Classifier, train: Split, validation: Split) -> TrainingData:
    """Encode labelled rows, to train with the loss of the task kind against their targets.

    Args:
        classifier: The model to train.
        train: Training rows.
        validation: Rows that are not trained on.
    """
    rows = encode(classifier.tokenizer, train)
    loss = target_loss(classifier.kind, rows.targets)
    encode_again = partial(labelled_data, train=train, validation=validation)
    return TrainingData(rows, loss, encode(classifier.tokenizer, validation), encode_again)
