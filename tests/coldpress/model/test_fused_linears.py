"""Fused linear modules are split in memory and fused in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForSequenceClassification

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.components import Architecture, Norms
from coldpress.model.fused_linears import ConcatLinear, unfuse_linears
from coldpress.model.serialization import load_classifier, write_checkpoint
from coldpress.model.surgery import keep_heads, keep_layers

Make = Callable[..., Classifier]


class Gated(nn.Module):
    def __init__(self, *, bias: bool) -> None:
        super().__init__()
        self.norm = nn.Identity()
        self.whole = nn.Linear(1, 4, bias=bias)
        self.whole.weight.data = torch.tensor([[1.0], [2.0], [3.0], [4.0]])


@pytest.mark.parametrize("bias", [True, False])
def test_slices_are_in_row_order(bias: bool) -> None:
    layer = Gated(bias=bias)
    expected = layer.whole(torch.tensor([[2.0]]))
    table = Architecture(encoder="", norms=Norms(attention="norm"), fused={"whole": ("up", "gate")})
    unfuse_linears(nn.ModuleList([layer]), table, None)
    split = layer.get_submodule("whole")
    assert isinstance(split, ConcatLinear)
    gate = split.get_submodule("gate")
    assert isinstance(gate, nn.Linear)
    assert gate.weight.tolist() == [[3.0], [4.0]]
    assert (gate.bias is not None) is bias
    assert torch.equal(split(torch.tensor([[2.0]])), expected)
    unfuse_linears(nn.ModuleList([layer]), table, None)
    assert layer.get_submodule("whole") is split


def test_files_have_fused_weights_and_transformers_loads_them(
    random_classifier: Make, split: Split, tmp_path: Path
) -> None:
    classifier = random_classifier("modernbert", attention_bias=True)
    write_checkpoint(classifier, tmp_path / "whole", Manifest(stage="train_teacher"))
    names = load_file(tmp_path / "whole" / "model.safetensors").keys()
    assert {"model.layers.2.attn.Wqkv.weight", "model.layers.2.attn.Wqkv.bias"} <= names
    assert not [name for name in names if "Wqkv.query" in name or "Wi.up" in name]
    plain = AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "whole", attn_implementation="eager", local_files_only=True
    )
    rows = encode(classifier.tokenizer, split)
    batch = classifier.inputs(rows.batch(range(12)))
    with torch.inference_mode():
        expected = classifier.module.eval()(**batch).logits
        torch.testing.assert_close(plain.eval()(**batch).logits, expected)
    assert torch.equal(
        load_classifier(Checkpoint.open(tmp_path / "whole")).logits(rows), classifier.logits(rows)
    )


def test_a_layer_that_has_become_the_first_keeps_its_normalization(
    random_classifier: Make, split: Split, tmp_path: Path
) -> None:
    classifier = random_classifier("modernbert")
    upper = keep_heads(keep_layers(classifier, [1, 2]), [[3], [0, 1]])
    norms = [layer.get_submodule("attn_norm") for layer in upper.layers]
    assert [type(norm) for norm in norms] == [nn.LayerNorm, nn.LayerNorm]
    assert upper.config.layer_types == ["sliding_attention"] * 2
    write_checkpoint(upper, tmp_path / "upper", Manifest(stage="prune"))
    rows = encode(upper.tokenizer, split)
    assert torch.equal(
        load_classifier(Checkpoint.open(tmp_path / "upper")).logits(rows), upper.logits(rows)
    )
    assert isinstance(classifier.layers[0].get_submodule("attn_norm"), nn.Identity)
