"""A kind of attention that the library does not know is declared, trained with and exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit
from coldpress.model.activations import Activations, record_activations
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.attention_scores import scaled_product, split_heads, unpadded_pairs
from coldpress.model.classifier import Classifier
from coldpress.onnx.graph.attention import AttentionLowering, LayerInput, add_attention
from coldpress.onnx.graph.encoder import build_encoder_graph
from coldpress.quantization import DynamicInt8
from tests.support.training_contexts import label_context

Make = Callable[[str], Classifier]
Cut = Callable[[Classifier], Classifier]
SLOPE = 2.0
TOLERANCE = 1e-5


def distance_penalty(tokens: int) -> Tensor:
    """The summand of the scores: shape (tokens, tokens)."""
    positions = torch.arange(tokens)
    return -SLOPE * (positions[:, None] - positions).abs().float()


class AlibiSelfAttention(nn.Module):
    """The module of a model in torch: BERT's, with a penalty on distant tokens."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, states: Tensor, attention_mask: Tensor | None, **options: Any) -> Any:  # noqa: ANN401
        penalty = distance_penalty(states.shape[1])
        mask = penalty if attention_mask is None else attention_mask + penalty
        return self.inner(states, mask, **options)


@dataclass(frozen=True)
class AlibiAttention:
    """Attention with linear biases (Press et al. 2022), with one slope for all heads."""

    linears: Mapping[str, str] = field(
        default_factory=lambda: {
            "query": "attention.self.inner.query",
            "key": "attention.self.inner.key",
            "value": "attention.self.inner.value",
            "attention_output": "attention.output.dense",
        }
    )
    input_roles: tuple[str, ...] = ("query", "key", "value")
    layer_lists: tuple[str, ...] = ()

    def scores(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:
        size = classifier.head_size
        queries = split_heads(states.queries[layer], size)
        keys = split_heads(states.keys[layer], size)
        return scaled_product(queries, keys) + distance_penalty(keys.shape[2])

    def attended_pairs(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:  # noqa: ARG002
        return unpadded_pairs(states.token_mask)


@add_attention.register
def add_alibi(_: AlibiAttention, lowering: AttentionLowering, layer: LayerInput) -> str:
    graph = lowering.graph
    table = graph.constant("penalty", distance_penalty(lowering.max_tokens).numpy())
    columns = graph.node("Shape", ["input_ids"], start=1, end=2)
    rows = graph.integers(1) if layer.first_token else columns
    ends = graph.node("Concat", [rows, columns], axis=0)
    penalty = graph.node("Slice", [table, graph.integers(0, 0), ends])
    summand = graph.node("Unsqueeze", [penalty, graph.integers(0, 1)])
    return lowering.attend(layer, lowering.project(layer), ["", lowering.padding, summand])


@pytest.fixture
def alibi(random_classifier: Make, monkeypatch: pytest.MonkeyPatch) -> Classifier:
    """A tiny model of a new family, which differs from BERT in its attention."""
    table = replace(ARCHITECTURES["bert"], attention=AlibiAttention())
    monkeypatch.setitem(ARCHITECTURES, "alibi", table)
    classifier = random_classifier("bert")
    for layer in classifier.layers:
        module = AlibiSelfAttention(layer.get_submodule("attention.self"))
        layer.set_submodule("attention.self", module)
    classifier.config.model_type = "alibi"
    return classifier


def exported_logits(classifier: Classifier, rows: EncodedSplit) -> np.ndarray[Any, Any]:
    model = build_encoder_graph(classifier).model(len(classifier.labels), 17, {})
    session = ort.InferenceSession(model.SerializeToString())
    batch = rows.batch(range(len(rows)))
    (logits,) = session.run(None, {name: getattr(batch, name) for name in classifier.input_names})
    return np.asarray(logits)


def test_the_graph_of_a_new_kind_of_attention_computes_what_torch_does(
    alibi: Classifier, rows: EncodedSplit, cut: Cut
) -> None:
    pruned = cut(alibi)
    assert [shape.heads for shape in pruned.shapes] == [2, 1]
    quantized = DynamicInt8(method="dynamic-int8", weight_bits=7).quantize(
        alibi, label_context(rows)
    )
    for classifier in (alibi, pruned, quantized):
        expected = classifier.logits(rows, batch_size=len(rows)).numpy()
        np.testing.assert_allclose(exported_logits(classifier, rows), expected, atol=TOLERANCE)


def test_the_penalty_reaches_the_logits(alibi: Classifier, rows: EncodedSplit) -> None:
    before = exported_logits(alibi, rows)
    for layer in alibi.layers:
        layer.set_submodule("attention.self", layer.get_submodule("attention.self.inner"))
    alibi.config.model_type = "bert"
    assert np.abs(exported_logits(alibi, rows) - before).max() > 100 * TOLERANCE


def test_the_scores_of_a_new_kind_are_those_that_its_model_attends_with(
    alibi: Classifier, rows: EncodedSplit
) -> None:
    batch = rows.batch([0, 4])  # 3 and 7 tokens
    attention = alibi.architecture.attention
    with torch.no_grad():
        states = record_activations(alibi, batch)
        output = alibi.module(**alibi.inputs(batch), output_attentions=True)
    pairs = attention.attended_pairs(alibi, states, 1)[:, None]
    weights = attention.scores(alibi, states, 1).masked_fill(~pairs, -torch.inf).softmax(-1)
    torch.testing.assert_close(weights.nan_to_num(), output.attentions[1] * pairs)


def test_a_kind_without_a_graph_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match="no graph is registered for str"):
        add_attention("unknown", None, None)  # type: ignore[arg-type]
