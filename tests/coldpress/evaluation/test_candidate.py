"""The tiny model as a subject."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.evaluation.candidate import torch_candidate
from coldpress.model.classifier import Classifier


def test_a_torch_subject_answers_alike_by_rows_by_batch_and_by_text(
    tiny: Classifier, split: Split
) -> None:
    test = encode(tiny.tokenizer, split)
    candidate = torch_candidate("teacher", None, tiny, test, 1234)
    assert candidate.forward is not None
    assert candidate.end_to_end is not None
    logits = candidate.outputs(split)
    assert logits.shape == (12, 3)
    for row in range(12):
        batch = np.asarray(candidate.forward(test.batch([row])))
        text = np.asarray(candidate.end_to_end([split.texts[row]], None))
        assert batch[0] == pytest.approx(logits[row], abs=1e-5)
        assert text[0] == pytest.approx(logits[row], abs=1e-5)


def test_its_timed_calls_build_no_graph(tiny: Classifier, split: Split) -> None:
    test = encode(tiny.tokenizer, split)
    candidate = torch_candidate("teacher", None, tiny, test, 1234)
    assert candidate.forward is not None
    output = candidate.forward(test.batch([0, 1]))
    assert isinstance(output, torch.Tensor)
    assert output.is_inference()


def test_second_texts_reach_the_model(tiny: Classifier, split: Split) -> None:
    pairs = Split(split.ids, split.texts, tuple(reversed(split.texts)), split.targets)
    test = encode(tiny.tokenizer, pairs)
    candidate = torch_candidate("teacher", None, tiny, test, 1234)
    assert candidate.end_to_end is not None
    text = np.asarray(candidate.end_to_end([pairs.texts[1]], [pairs.texts[-2]]))
    assert text[0] == pytest.approx(candidate.outputs(pairs)[1], abs=1e-5)


def test_a_candidate_has_its_bytes_parameters_and_macs(tiny: Classifier, split: Split) -> None:
    candidate = torch_candidate("student", "teacher", tiny, encode(tiny.tokenizer, split), 1234)
    assert (candidate.name, candidate.parent, candidate.runtime) == ("student", "teacher", "torch")
    assert (candidate.bytes, candidate.parameters) == (1234, 5283)
    assert candidate.macs_per_token is not None
    assert candidate.macs_per_token > 4096
