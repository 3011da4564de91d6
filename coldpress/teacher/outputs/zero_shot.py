"""Zero-shot classification by natural language inference.

Yin, Hay & Roth 2019, "Benchmarking Zero-shot Text Classification", section 5: the text is the
premise, and each label is a hypothesis; the more it follows from the text, the more probable is the
label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.data.splits import Split, row_ids
from coldpress.kinds.kind import TaskKind
from coldpress.teacher.outputs.model import OutputsModel


@dataclass(frozen=True)
class ZeroShotModel:
    """A model of natural language inference with a hypothesis for each label.

    Attributes:
        model: Reads pairs of a text and a hypothesis.
        hypotheses: In the order of the labels.
        entailment: Position of entailment among the model's outputs.
        contrary: Position of contradiction.
        kind: Task kind of the benchmark.
    """

    model: OutputsModel
    hypotheses: Sequence[str]
    entailment: int
    contrary: int
    kind: TaskKind

    def outputs(self, split: Split) -> NDArray[np.float32]:
        """Compute the logits of the labels for every text.

        Args:
            split: Texts.

        Returns:
            Shape (rows, labels). If one label applies, the logit of its hypothesis's entailment: a
            softmax over the labels gives probabilities. If any number applies, that of entailment
            minus that of contradiction, whose sigmoid is the label's probability.
        """
        columns = [self._hypothesis_logits(split, text) for text in self.hypotheses]
        return np.stack(columns, axis=1)

    def _hypothesis_logits(self, split: Split, hypothesis: str) -> NDArray[np.float32]:
        pairs = (hypothesis,) * len(split)
        rows = Split(row_ids(split.texts, pairs), split.texts, pairs, ())
        logits = self.model.outputs(self.model.encode(rows))
        entailed = logits[:, self.entailment]
        return (
            entailed - logits[:, self.contrary] if self.kind.activation == "sigmoid" else entailed
        )
