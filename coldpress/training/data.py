"""The data that a method trains on, and the callback that receives its epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from tokenizers import Tokenizer

from coldpress.data import encoding
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
    """

    train: EncodedSplit
    loss: Loss
    validation: EncodedSplit

    def remap_token_ids(self, old: Tokenizer, new: Tokenizer) -> TrainingData:
        """Return the same rows with the token ids of another tokenizer.

        Args:
            old: Tokenizer of the rows.
            new: Tokenizer whose vocabulary has every token of the rows.
        """
        if new is old:
            return self
        train, validation = (
            encoding.remap_token_ids(rows, old, new) for rows in (self.train, self.validation)
        )
        return replace(self, train=train, validation=validation)

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
    return TrainingData(rows, loss, encode(classifier.tokenizer, validation))
