from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from torch.nn import Embedding

from coldpress.data.encoding import EncodedSplit
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.token_embeddings import read_token_embeddings
from coldpress.quantization import DynamicInt8
from tests.support.training_contexts import label_context

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]


def word_embeddings(classifier: Classifier) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    names = classifier.architecture
    path = f"{names.encoder}.{names.embeddings.words}"
    table = cast("Embedding", classifier.module.get_submodule(path))
    weights: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = table.weight.detach().numpy()
    return weights


@pytest.mark.parametrize("family", ARCHITECTURES)
def test_embeddings_are_the_table_in_which_tokens_are_looked_up(
    family: str, random_classifier: Callable[[str], Classifier], store: Store, exported: Export
) -> None:
    classifier = random_classifier(family)
    embeddings = read_token_embeddings(exported(store(classifier, family)) / "model.onnx")
    np.testing.assert_array_equal(embeddings, word_embeddings(classifier))


def test_integer_embeddings_are_scaled(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    quantized = DynamicInt8(method="dynamic-int8", weight_bits=8).quantize(
        tiny, label_context(rows)
    )
    embeddings = read_token_embeddings(exported(store(quantized, "quantized")) / "model.onnx")
    expected = word_embeddings(tiny)
    assert embeddings.dtype == np.float32
    half_a_step = np.abs(expected).max() / 127 / 2
    np.testing.assert_allclose(embeddings, expected, atol=half_a_step * 1.01)
    assert not np.array_equal(embeddings, expected)
