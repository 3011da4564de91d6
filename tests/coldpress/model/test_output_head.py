"""A head for every token, in every family: built, narrowed, exported."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.kinds import KINDS
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier
from coldpress.model.surgery import keep_width
from coldpress.onnx.graph.encoder import build_encoder_graph
from coldpress.training.freezing import only_first_token

FAMILIES = sorted(ARCHITECTURES)
Make = Callable[..., Classifier]


@pytest.fixture(params=FAMILIES)
def classifier(request: pytest.FixtureRequest, random_classifier: Make) -> Classifier:
    return random_classifier(request.param, KINDS["token-classification"])


@pytest.fixture
def words(split: Split) -> Split:
    spans = [tuple(m.span() for m in re.finditer(r"\S+", text)) for text in split.texts]
    return replace(split, targets=(), words=tuple(spans))


def test_the_graph_returns_the_logits_of_every_token(classifier: Classifier, words: Split) -> None:
    encoded = encode(classifier.tokenizer, words)
    batch = encoded.batch(range(len(encoded)))
    model = build_encoder_graph(classifier).model(3, 17, {})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    feeds = {name: getattr(batch, name) for name in classifier.input_names}
    logits = session.run(None, feeds)[0]
    assert logits.shape == (*batch.input_ids.shape, 3)
    expected = classifier.logits(encoded).numpy()
    assert expected.shape == (encoded.unit_count, 3)
    np.testing.assert_allclose(batch.select_units(logits), expected, rtol=1e-4, atol=1e-5)


def test_the_module_is_transformers_own(classifier: Classifier, words: Split) -> None:
    assert type(classifier.module).__name__.endswith("ForTokenClassification")
    encoded = encode(classifier.tokenizer, words)
    batch = encoded.batch([0])
    with torch.inference_mode():
        tokens = classifier.module(**classifier.inputs(batch)).logits
    assert encoded.words is not None
    positions = encoded.words[0].tolist()
    torch.testing.assert_close(classifier.logits(encoded)[: len(positions)], tokens[0, positions])


def test_the_last_layer_computes_every_token(classifier: Classifier, words: Split) -> None:
    encoded = encode(classifier.tokenizer, words)
    expected = classifier.logits(encoded)
    with only_first_token(classifier):
        assert torch.equal(classifier.logits(encoded), expected)


def test_a_narrower_model_has_a_narrower_head(classifier: Classifier, words: Split) -> None:
    narrow = keep_width(classifier, range(12))
    output = narrow.module.get_submodule(narrow.output_head.output)
    assert isinstance(output, nn.Linear)
    assert output.in_features == 12
    assert narrow.logits(encode(narrow.tokenizer, words)).isfinite().all()


def test_a_text_has_the_familys_classification_head(random_classifier: Make) -> None:
    classifier = random_classifier("roberta")
    assert classifier.output_head is classifier.architecture.classification_head
    assert classifier.tokens_read == "first"
    assert random_classifier("modernbert", classifier_pooling="mean").tokens_read == "mean"
    poolings = {"late": "mean_logits", "mean": "mean", "bos": "first"}
    for name, read in poolings.items():
        assert random_classifier("eurobert", classifier_pooling=name).tokens_read == read
