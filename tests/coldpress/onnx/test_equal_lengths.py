"""Texts of equal length share a batch, and are answered as if each were alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tokenizers import Tokenizer

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.predictor import Predictor
from coldpress.quantization import StaticInt8
from tests.support.training_contexts import label_context

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]

WORDS = ("cold", "press", "olive", "slow", "warm", "fast", "stone", "oil")
FAMILIES = ("bert", "distilbert", "roberta", "electra", "mpnet", "deberta-v2", "modernbert")


def random_texts(count: int) -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size=rng.integers(1, 9))) for _ in range(count)]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_bit_of_an_answer_depends_on_the_batch(
    family: str, random_classifier: Callable[..., Classifier], store: Store, exported: Export
) -> None:
    """With 7 neurons, the last numbers of a row share a register with those of the next text."""
    sizes = {"hidden_dim": 7} if family == "distilbert" else {"intermediate_size": 7}
    classifier = random_classifier(family, **sizes)
    texts = random_texts(300)
    split = Split(tuple(map(str, range(24))), tuple(texts[:24]), None, tuple([0, 1, 2] * 8))
    context = label_context(encode(classifier.tokenizer, split))
    final = StaticInt8(method="static-int8", weight_bits=7).quantize(classifier, context)
    predictor = Predictor(exported(store(final, "final")))
    alone = [predictor.predict([text])[0] for text in texts]
    assert predictor.predict(texts) == alone
    assert Predictor(exported(store(final, "threads")), threads=2).predict(texts) == alone


def write_batch_size_model(
    directory: Path, tokenizer: Tokenizer, of: Literal["texts", "tokens"]
) -> None:
    """Write a graph whose output is the number of texts in the batch, for each text or token."""
    ones = helper.make_node("Cast", ["attention_mask"], ["ones"], to=TensorProto.FLOAT)
    size = helper.make_node("Shape", ["input_ids"], ["size"], start=0, end=1)
    number = helper.make_node("Cast", ["size"], ["number"], to=TensorProto.FLOAT)
    product = helper.make_node("Mul", ["ones", "number"], ["product"])
    axes = helper.make_node("Unsqueeze", ["product", "last"], ["logits"])
    if of == "texts":
        axes = helper.make_node("ReduceMax", ["product"], ["logits"], axes=[1], keepdims=1)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ("batch", "sequence"))
        for name in ("input_ids", "attention_mask")
    ]
    shape = ("batch", 1) if of == "texts" else ("batch", "sequence", 1)
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)
    last = helper.make_tensor("last", TensorProto.INT64, (1,), [2])
    graph = helper.make_graph(
        [ones, size, number, product, axes], "sizes", inputs, [output], [last]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    properties = {"labels": "[]", "temperature": "1", "activation": "none"}
    helper.set_model_props(model, {**properties, "equal_length_batches": "true"})
    onnx.save(model, directory / "model.onnx")
    (directory / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")


def scores(predictor: Predictor, texts: Sequence[str]) -> list[float]:
    return [record["score"] for record in predictor.predict(texts)]


def test_texts_of_equal_length_share_a_batch(tmp_path: Path, tokenizer: Tokenizer) -> None:
    write_batch_size_model(tmp_path, tokenizer, "texts")
    texts = ["cold press", "olive", "warm stone", "oil oil", "fast"]
    assert scores(Predictor(tmp_path), texts) == [3.0, 2.0, 3.0, 3.0, 2.0]


def test_a_batch_has_at_most_256_tokens(tmp_path: Path, tokenizer: Tokenizer) -> None:
    """A text of one word has three tokens, with those of its start and end."""
    write_batch_size_model(tmp_path, tokenizer, "texts")
    assert scores(Predictor(tmp_path), ["cold"] * 100) == [85.0] * 85 + [15.0] * 15


def test_threads_divide_the_texts(tmp_path: Path, tokenizer: Tokenizer) -> None:
    write_batch_size_model(tmp_path, tokenizer, "texts")
    assert scores(Predictor(tmp_path, threads=2), ["cold"] * 100) == [50.0] * 100


def test_rows_of_a_padded_batch_are_read_without_padding(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    write_batch_size_model(tmp_path, tokenizer, "tokens")
    mask = np.array([[1, 1, 1], [1, 1, 0], [1, 1, 1]])
    logits = Predictor(tmp_path).logits(mask, mask, mask)
    assert logits[:, :, 0].tolist() == [[2, 2, 2], [1, 1, 0], [2, 2, 2]]
