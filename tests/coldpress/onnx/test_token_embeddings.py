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

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]


def table(classifier: Classifier) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    names = classifier.architecture
    path = f"{names.encoder}.{names.word_embeddings}"
    words = cast("Embedding", classifier.module.get_submodule(path))
    found: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = words.weight.detach().numpy()
    return found


@pytest.mark.parametrize("family", ARCHITECTURES)
def test_they_are_the_table_that_the_tokens_are_looked_up_in(
    family: str, random_classifier: Callable[[str], Classifier], store: Store, exported: Export
) -> None:
    classifier = random_classifier(family)
    found = read_token_embeddings(exported(store(classifier, family)) / "model.onnx")
    np.testing.assert_array_equal(found, table(classifier))


def test_integers_are_scaled(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    quantized = DynamicInt8(method="dynamic-int8", weight_bits=8).quantize(tiny, rows)
    found = read_token_embeddings(exported(store(quantized, "quantized")) / "model.onnx")
    expected = table(tiny)
    assert found.dtype == np.float32
    half_a_step = np.abs(expected).max() / 127 / 2
    np.testing.assert_allclose(found, expected, atol=half_a_step * 1.01)
    assert not np.array_equal(found, expected)
