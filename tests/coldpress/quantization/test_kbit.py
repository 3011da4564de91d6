"""k-bit quantization of tiny models: integers and bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from coldpress import cpu
from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.quantization import KBit
from coldpress.quantization.arithmetic.int8_embedding.module import QuantizedEmbedding
from coldpress.quantization.core.storage import load_any_precision, save_quantized
from tests.support.training_contexts import label_context

QUERY = "bert.encoder.layer.0.attention.self.query"


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


def write_checkpoint(classifier: Classifier, target: Path) -> Checkpoint:
    manifest = Manifest(stage="quantize", labels=classifier.labels, shapes=classifier.shapes)
    with new_checkpoint(target, manifest) as directory:
        save_quantized(classifier, directory)
    return Checkpoint.open(target)


@pytest.mark.parametrize("bits", range(1, 8))
def test_a_weight_takes_as_many_bits_in_the_checkpoint(
    bits: int, tiny: Classifier, rows: EncodedSplit, tmp_path: Path
) -> None:
    quantized = KBit(method="k-bit", bits=bits).quantize(tiny, label_context(rows))
    state = load_file(write_checkpoint(quantized, tmp_path / "packed").path / "model.safetensors")
    assert state[f"{QUERY}.weight"].dtype == torch.uint8
    assert state[f"{QUERY}.weight"].shape == (bits, 16 * 16 // 8)
    words = state["bert.embeddings.word_embeddings.weight"]
    assert words.shape == (max(bits, 4), 12 * 16 // 8)


@pytest.mark.parametrize("bits", range(1, 9))
def test_a_reloaded_checkpoint_has_the_same_integers_and_answers(
    bits: int, tiny: Classifier, rows: EncodedSplit, tmp_path: Path
) -> None:
    method = KBit(method="k-bit", bits=bits, per="tensor", table_bits=bits)
    quantized = method.quantize(tiny, label_context(rows))
    reloaded = load_any_precision(write_checkpoint(quantized, tmp_path / "packed"))
    for name, tensor in quantized.module.state_dict().items():
        assert torch.equal(reloaded.module.state_dict()[name], tensor), name
    assert torch.equal(reloaded.logits(rows), quantized.logits(rows))


def test_one_bit_leaves_two_values_and_one_scale_per_tensor(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    quantized = KBit(method="k-bit", bits=1, per="tensor").quantize(tiny, label_context(rows))
    for source, module in zip(tiny.layers, quantized.layers, strict=True):
        up = quantized.linear(module, "up")
        assert set(up.weight.flatten().tolist()) == {-1, 1}
        mean = tiny.linear(source, "up").weight.abs().mean()
        assert torch.allclose(up.get_buffer("scale"), mean)


def test_fewer_bits_change_the_logits_more(tiny: Classifier, rows: EncodedSplit) -> None:
    differences = [
        float(
            (
                KBit(method="k-bit", bits=bits, table_bits=8)
                .quantize(tiny, label_context(rows))
                .logits(rows)
                - tiny.logits(rows)
            )
            .abs()
            .mean()
        )
        for bits in (8, 6, 4, 2)
    ]
    assert differences == sorted(differences)
    assert differences[0] < 0.05 * float(tiny.logits(rows).std())


def test_the_output_layer_keeps_eight_bits(tiny: Classifier, rows: EncodedSplit) -> None:
    quantized = KBit(method="k-bit", bits=1).quantize(tiny, label_context(rows))
    head = quantized.module.get_submodule("classifier").get_parameter("weight")
    assert int(head.abs().max()) > 60


def test_a_table_has_table_bits_and_one_scale_per_column(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    quantized = KBit(method="k-bit", bits=4, table_bits=2).quantize(tiny, label_context(rows))
    words = quantized.encoder.get_submodule("embeddings.word_embeddings")
    assert isinstance(words, QuantizedEmbedding)
    assert set(words.weight.flatten().tolist()) == {-1, 0, 1}
    assert len(set(words.scale.tolist())) == 16


def test_eight_bits_are_seven_where_sums_could_saturate(
    tiny: Classifier, rows: EncodedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "has_vnni", lambda: False)
    quantized = KBit(method="k-bit", bits=8).quantize(tiny, label_context(rows))
    assert int(quantized.linear(quantized.layers[0], "up").weight.abs().max()) == 63
