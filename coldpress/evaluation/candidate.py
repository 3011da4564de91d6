"""A model under evaluation: its predictions, what can be timed, its size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from coldpress.data.encoding import Batch, EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.evaluation.performance.macs import macs_per_token
from coldpress.evaluation.scorecard.precision import PartPrecision
from coldpress.evaluation.scorecard.scorecard import Runtime
from coldpress.kinds.kind import Outputs
from coldpress.model.classifier import Classifier, count_parameters

Texts = Sequence[str]


@dataclass(frozen=True)
class Candidate:
    """A model under evaluation, in any runtime.

    Attributes:
        name: Key of its scorecard: teacher, student, pruned, quantized or onnx.
        parent: Name of the candidate that it was made from; None for the teacher.
        runtime: Runtime that computes its outputs.
        test: The test split, encoded with this model's tokenizer.
        encode: Encodes any other split with that tokenizer.
        outputs: From a split to shape (units, outputs), logits divided by the temperature; if each
            label has a threshold, minus these.
        forward: One forward pass on a padded batch, for timing; None if the model is not timed.
        end_to_end: The same from texts and optional second texts, tokenization included.
        bytes: Size of weights and tokenizer on disk. None, as are the next two, if nothing but the
            answers of a teacher is known.
        parameters: Number of weights; an ONNX graph has those of its checkpoint.
        macs_per_token: As `macs.macs_per_token` counts them.
        temperature: Divisor of the logits; 1 if the model has no fitted temperature.
        computes_in: Precision of the parts of the model; empty in float32.
        thresholds: Those of its labels, as logits, shape (labels,); None without.
        point_thresholds: Those of its operating points, as probabilities; None if they are to be
            chosen on validation.
    """

    name: str
    parent: str | None
    runtime: Runtime
    test: EncodedSplit
    encode: Callable[[Split], EncodedSplit]
    outputs: Callable[[Split], Outputs]
    forward: Callable[[Batch], object] | None
    end_to_end: Callable[[Texts, Texts | None], object] | None
    bytes: int | None
    parameters: int | None
    macs_per_token: int | None
    temperature: float = 1.0
    computes_in: tuple[PartPrecision, ...] = ()
    thresholds: NDArray[np.float64] | None = None
    point_thresholds: tuple[float, ...] | None = None


def torch_candidate(
    name: str, parent: str | None, classifier: Classifier, test: EncodedSplit, size: int
) -> Candidate:
    """Make a candidate from a torch classifier.

    Args:
        name: Key of its scorecard.
        parent: Name of the candidate that it was made from; None for the teacher.
        classifier: The loaded model.
        test: The test split, encoded with its tokenizer.
        size: Bytes of its checkpoint.

    Returns:
        A candidate that is timed in eager torch.
    """

    @torch.inference_mode()
    def forward(batch: Batch) -> object:
        return classifier.unit_logits(batch)

    def end_to_end(texts: Texts, pairs: Texts | None) -> object:
        encoded = encode(classifier.tokenizer, _unlabelled(texts, pairs))
        return forward(encoded.batch(range(len(texts))))

    return Candidate(
        name=name,
        parent=parent,
        runtime="torch",
        test=test,
        encode=lambda split: encode(classifier.tokenizer, split),
        outputs=lambda split: classifier.logits(encode(classifier.tokenizer, split)).numpy(),
        forward=forward,
        end_to_end=end_to_end,
        bytes=size,
        parameters=count_parameters(classifier),
        macs_per_token=macs_per_token(classifier, test),
    )


def _unlabelled(texts: Texts, pairs: Texts | None) -> Split:
    ids = tuple(str(row) for row in range(len(texts)))
    return Split(ids, tuple(texts), None if pairs is None else tuple(pairs), ())
