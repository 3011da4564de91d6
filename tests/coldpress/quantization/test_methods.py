"""Dynamic and static int8 on whole tiny models."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from coldpress import cpu
from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.quantization import (
    DynamicInt8,
    KBit,
    MixedPrecision,
    SmoothQuant,
    StaticInt8,
    WeightOnly,
)
from coldpress.quantization.arithmetic.int8_embedding.module import QuantizedEmbedding
from coldpress.quantization.arithmetic.int8_linear.module import QuantizedLinear
from coldpress.quantization.core.calibration import activation_ranges
from coldpress.quantization.core.int8 import scale_and_zero_point
from coldpress.quantization.core.storage import load_any_precision, save_quantized
from coldpress.quantization.method import Quantization
from tests.support.training_contexts import label_context

DYNAMIC = DynamicInt8(method="dynamic-int8", weight_bits=7)
STATIC = StaticInt8(method="static-int8", weight_bits=7)
SMOOTH = SmoothQuant(method="smooth", weight_bits=7)
K_BIT = KBit(method="k-bit", bits=7)
METHODS: list[Quantization] = [DYNAMIC, STATIC, SMOOTH, K_BIT]
BLOCKS = WeightOnly(method="weight-only", bits=8, block_size=16, activations="int8")
MIXED = MixedPrecision(method="mixed", max_divergence=0.001)
ALL = [*METHODS, BLOCKS, MIXED]
BATCH_DEPENDENT = {"dynamic-int8", "k-bit"}
RELOAD = """
import sys
from pathlib import Path
from safetensors.torch import save_file
from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint
from coldpress.data.encoding import encode
from coldpress.quantization.core.storage import load_any_precision

folder, *texts = sys.argv[1:]
split = Split(tuple(map(str, range(len(texts)))), tuple(texts), None, ())
answers = {}
for path in sorted(Path(folder).iterdir()):
    classifier = load_any_precision(Checkpoint.open(path))
    answers[path.name] = classifier.logits(encode(classifier.tokenizer, split))
save_file(answers, Path(folder) / "answers.safetensors")
"""


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


def write_checkpoint(classifier: Classifier, target: Path) -> Checkpoint:
    manifest = Manifest(stage="quantize", labels=classifier.labels, shapes=classifier.shapes)
    with new_checkpoint(target, manifest) as directory:
        save_quantized(classifier, directory)
    return Checkpoint.open(target)


@pytest.mark.parametrize("method", METHODS)
def test_every_linear_module_and_table_becomes_integers(
    method: Quantization, tiny: Classifier, rows: EncodedSplit
) -> None:
    before = tiny.logits(rows)
    quantized = method.quantize(tiny, label_context(rows))
    kinds = [type(module) for module in quantized.module.modules()]
    assert (kinds.count(QuantizedLinear), kinds.count(QuantizedEmbedding)) == (14, 3)
    assert not {nn.Linear, nn.Embedding} & set(kinds)
    assert torch.equal(tiny.logits(rows), before), "the source has changed"
    assert quantized.shapes == tiny.shapes


@pytest.mark.parametrize("method", ALL)
def test_the_simulated_logits_stay_near_the_source(
    method: Quantization, tiny: Classifier, rows: EncodedSplit
) -> None:
    difference = (method.quantize(tiny, label_context(rows)).logits(rows) - tiny.logits(rows)).abs()
    assert 0 < difference.mean() < 0.06 * tiny.logits(rows).std()


def test_the_bits_are_those_that_this_processor_needs(
    tiny: Classifier, rows: EncodedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = {}
    for vnni in (True, False):
        monkeypatch.setattr(cpu, "has_vnni", lambda vnni=vnni: vnni)
        quantized = DynamicInt8(method="dynamic-int8").quantize(tiny, label_context(rows))
        largest[vnni] = int(quantized.linear(quantized.layers[0], "up").weight.abs().max())
    assert largest == {True: 127, False: 63}


def test_static_ranges_are_those_of_training_text_without_its_padding(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    quantized = STATIC.quantize(tiny, label_context(rows))
    query = quantized.linear(quantized.layers[0], "query")
    embed = tiny.encoder.get_submodule("embeddings")
    with torch.inference_mode():
        inputs = [embed(torch.from_numpy(ids)[None]) for ids in rows.input_ids]
    low = min(values.amin() for values in inputs)
    high = max(values.amax() for values in inputs)
    scale, zero_point = scale_and_zero_point(low, high)
    assert torch.equal(query.get_buffer("activation_scale"), scale)
    assert torch.equal(query.get_buffer("activation_zero_point"), zero_point)


def test_the_range_after_the_last_attention_is_that_of_first_tokens(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    quantized = STATIC.quantize(tiny, label_context(rows))
    last = quantized.linear(quantized.layers[-1], "up")
    inputs: list[torch.Tensor] = []
    tiny.linear(tiny.layers[-1], "up").register_forward_pre_hook(
        lambda _, arguments: inputs.append(arguments[0][:, 0])
    )
    tiny.logits(rows)
    scale, _ = scale_and_zero_point(inputs[0].amin(), inputs[0].amax())
    assert torch.allclose(last.get_buffer("activation_scale"), scale)


def test_calibration_reads_the_given_number_of_rows(tiny: Classifier, rows: EncodedSplit) -> None:
    first_row, all_rows = (
        activation_ranges(tiny, rows, examples)["bert.encoder.layer.0.intermediate.dense"]
        for examples in (1, 12)
    )
    assert all_rows[0] < first_row[0]
    assert all_rows[1] > first_row[1]


def test_only_dynamic_methods_depend_on_the_batch(tiny: Classifier, rows: EncodedSplit) -> None:
    for method in METHODS:
        quantized = method.quantize(tiny, label_context(rows))
        batched = quantized.logits(rows)
        single = quantized.logits(rows, batch_size=1)
        dependent = method.method in BATCH_DEPENDENT
        assert torch.allclose(batched, single, atol=1e-5) is not dependent


@pytest.mark.integration
def test_quantized_checkpoints_give_the_same_logits_in_a_clean_process(
    tiny: Classifier, rows: EncodedSplit, split: Split, tmp_path: Path
) -> None:
    for method in ALL:
        quantized = method.quantize(tiny, label_context(rows))
        write_checkpoint(quantized, tmp_path / method.method)
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RELOAD, str(tmp_path), *split.texts]
    subprocess.run(command, check=True, env=one_thread)
    answers = load_file(tmp_path / "answers.safetensors")
    for method in ALL:
        assert torch.equal(
            answers[method.method], method.quantize(tiny, label_context(rows)).logits(rows)
        )


def test_a_float_checkpoint_stays_in_float32(
    tiny: Classifier, tiny_checkpoint: Checkpoint, rows: EncodedSplit
) -> None:
    loaded = load_any_precision(tiny_checkpoint)
    assert [type(m) for m in loaded.module.modules()] == [type(m) for m in tiny.module.modules()]
    assert torch.equal(loaded.logits(rows), tiny.logits(rows))
