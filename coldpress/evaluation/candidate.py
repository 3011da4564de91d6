"""A model under evaluation: what it answers, what can be timed, what it weighs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coldpress.data.encoding import Batch, EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.evaluation.performance.macs import macs_per_token
from coldpress.evaluation.scorecard.precision import PartPrecision
from coldpress.evaluation.scorecard.scorecard import Runtime
from coldpress.model.classifier import Classifier, count_parameters

Logits = NDArray[np.floating[Any]]
Texts = Sequence[str]


@dataclass(frozen=True)
class Candidate:
    """A model under evaluation, whatever it runs in.

    Attributes:
        name: Key of its scorecard: teacher, student, pruned, quantized or onnx.
        parent: Name of the subject that it was made from; None is the teacher.
        runtime: What computes its answers.
        test: The test split as this model's tokenizer reads it.
        read: Reads any other split with it.
        logits: From rows to logits of shape (rows, labels), divided by the temperature if the
            model ships with one.
        answer: One forward pass on a padded batch, as it is to be timed; None where time means
            nothing.
        end_to_end: The same from first texts and optional second texts, tokenization included.
        bytes: Weights and tokenizer on disk.
        parameters: Numbers in the weights; an ONNX graph has those of its checkpoint.
        macs_per_token: As `cost.macs_per_token` counts them.
        temperature: What `logits` divides by; 1 where the model ships with none.
        computes_in: Which parts are stored and computed in what; empty in float32.
    """

    name: str
    parent: str | None
    runtime: Runtime
    test: EncodedSplit
    read: Callable[[Split], EncodedSplit]
    logits: Callable[[EncodedSplit], Logits]
    answer: Callable[[Batch], object] | None
    end_to_end: Callable[[Texts, Texts | None], object] | None
    bytes: int
    parameters: int
    macs_per_token: int
    temperature: float = 1.0
    computes_in: tuple[PartPrecision, ...] = ()


def torch_candidate(
    name: str, parent: str | None, classifier: Classifier, test: EncodedSplit, size: int
) -> Candidate:
    """Make a subject of a classifier in torch.

    Args:
        name: Key of its scorecard.
        parent: Name of the subject that it was made from; None is the teacher.
        classifier: As `model_files.load` returned it.
        test: The test split as its tokenizer reads it.
        size: Its checkpoint's bytes.

    Returns:
        A subject that is timed in torch, eager.
    """

    @torch.inference_mode()
    def answer(batch: Batch) -> object:
        return classifier.module(**classifier.inputs(batch)).logits

    def end_to_end(texts: Texts, pairs: Texts | None) -> object:
        read = encode(classifier.tokenizer, _unlabelled(texts, pairs))
        return answer(read.batch(range(len(texts))))

    return Candidate(
        name=name,
        parent=parent,
        runtime="torch",
        test=test,
        read=lambda split: encode(classifier.tokenizer, split),
        logits=lambda rows: classifier.logits(rows).numpy(),
        answer=answer,
        end_to_end=end_to_end,
        bytes=size,
        parameters=count_parameters(classifier),
        macs_per_token=macs_per_token(classifier, test),
    )


def _unlabelled(texts: Texts, pairs: Texts | None) -> Split:
    ids = tuple(str(row) for row in range(len(texts)))
    return Split(ids, tuple(texts), None if pairs is None else tuple(pairs), ())
