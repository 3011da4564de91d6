"""Profile of tiny exported models, with few calls."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from coldpress.data.encoding import EncodedSplit
from coldpress.errors import InputError
from coldpress.kinds import KINDS
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.profiling import machine, profile
from coldpress.onnx.profiling.profile import measure_profile, text_lengths
from coldpress.quantization import DynamicInt8
from tests.support.training_contexts import label_context

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]


@pytest.fixture(autouse=True)
def few_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Measure for milliseconds, and return the folder of temporary files."""
    for module, name, value in (
        (machine, "_CALLS", 1),
        (machine, "_BUFFER_BYTES", 2**20),
        (profile, "_MIN_CALLS", 2),
        (profile, "_MAX_CALLS", 2),
    ):
        monkeypatch.setattr(module, name, value)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return temporary


@pytest.mark.parametrize(
    ("limit", "counts"), [(128, [8, 16, 32, 64, 128]), (20, [8, 16, 20]), (8, [8]), (4, [4])]
)
def test_lengths_double_up_to_the_limit(limit: int, counts: list[int]) -> None:
    assert text_lengths(limit) == counts


def test_nodes_and_work_of_a_float_model(tiny: Classifier, store: Store, exported: Export) -> None:
    """2 layers of width 16 with 4 heads and 32 neurons; the last one computes the first token."""
    short = measure_profile(exported(store(tiny, "tiny"))).lengths[0]
    first_layer = 8 * 16 * (3 * 16 + 16 + 2 * 32) + 2 * 8 * 8 * 16
    last_layer = 8 * 16 * 2 * 16 + 16 * (16 + 16 + 2 * 32) + 2 * 8 * 16
    assert short.multiply_accumulates == first_layer + last_layer + 16 * 16 + 16 * 3
    counts = {entry.operator: entry.count for entry in short.operators}
    assert (counts["Attention"], counts["MultiHeadAttention"]) == (1, 1)


def test_a_quantized_model_is_measured(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export, few_calls: Path
) -> None:
    method = DynamicInt8(method="dynamic-int8", weight_bits=8)
    folder = exported(store(method.quantize(tiny, label_context(rows)), "quantized"))
    result = measure_profile(folder)
    assert [length.tokens for length in result.lengths] == [8, 16]
    for length in result.lengths:
        assert sum(entry.count for entry in length.operators) == result.nodes
        assert sum(entry.share for entry in length.operators) == pytest.approx(1)
        per_second = length.multiply_accumulates / (length.p50 / 1e3)
        assert length.int8_share == pytest.approx(per_second / result.limits.int8_per_second)
        read = length.bytes_read / (length.p50 / 1e3)
        assert length.memory_share == pytest.approx(read / result.limits.bytes_per_second)
    assert list(few_calls.iterdir()) == []


@pytest.mark.parametrize("kind", ["regression", "token-classification"])
def test_the_graph_names_its_inputs(
    kind: str, random_classifier: Callable[..., Classifier], store: Store, exported: Export
) -> None:
    """ModernBERT has no segments."""
    classifier = random_classifier("modernbert", KINDS[kind])
    assert measure_profile(exported(store(classifier, "model"))).nodes > 0


def test_a_broken_tokenizer_is_named(tiny: Classifier, store: Store, exported: Export) -> None:
    folder = exported(store(tiny, "tiny"))
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match=r"^model: .*tokenizer\.json: "):
        measure_profile(folder)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^model: no model\.onnx in "):
        measure_profile(tmp_path)
