"""Only finite numbers are written to files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from coldpress.data.splits import Split
from coldpress.distillation import soft_targets
from coldpress.errors import NonFiniteError
from coldpress.evaluation import predictions
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.checkpoint import Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import write_checkpoint
from coldpress.onnx.graph.builder import Graph
from coldpress.quantization import StaticInt8
from coldpress.quantization.core.storage import save_quantized
from coldpress.schema.finite import check_all_finite, check_arrays_finite
from tests.support.acceptance import does_not_raise
from tests.support.training_contexts import label_context

NAN = float("nan")
INFINITE = float("inf")
LAYER = "bert.encoder.layer.1.output.dense.weight"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"entropy": NAN}, "entropy is nan"),
        ({"steps": [{"loss": 0.5}, {"loss": -INFINITE}]}, "steps.1.loss is -inf"),
        ({"accuracy": np.float32(INFINITE)}, "accuracy is inf"),
    ],
)
def test_a_number_that_is_not_finite_is_named(value: object, message: str) -> None:
    with pytest.raises(NonFiniteError, match=f"^{message}$"):
        check_all_finite(value)


def test_finite_numbers_texts_and_none_pass() -> None:
    with does_not_raise():
        check_all_finite({"loss": 0.0, "rows": 3, "label": "nan", "none": None, "largest": 1.7e308})
        check_arrays_finite(
            {"ids": np.array([1, 2]), "scale": np.array([0.5, 3e38], dtype=np.float32)}
        )


def test_the_error_counts_the_values_that_are_not_finite() -> None:
    array = np.array([[1.0, NAN], [INFINITE, 2.0]], dtype=np.float16)
    with pytest.raises(NonFiniteError, match=r"^logits: 2 of 4 values are not finite$"):
        check_arrays_finite({"logits": array})


def test_a_weight_that_is_not_finite_is_not_written(tiny: Classifier, tmp_path: Path) -> None:
    with torch.no_grad():
        tiny.module.get_parameter(LAYER)[0, 0] = NAN
    with pytest.raises(NonFiniteError, match=f"^{LAYER}: 1 of 512 values are not finite$"):
        write_checkpoint(tiny, tmp_path / "model", Manifest(stage="train_teacher"))
    assert list(tmp_path.iterdir()) == []


def test_a_scale_that_is_not_finite_is_not_written(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    from coldpress.data.encoding import encode

    rows = encode(tiny.tokenizer, split)
    quantized = StaticInt8(method="static-int8").quantize(tiny, label_context(rows))
    name = next(n for n in quantized.module.state_dict() if n.endswith(".activation_scale"))
    quantized.module.get_buffer(name).fill_(INFINITE)
    with pytest.raises(NonFiniteError, match=f"^{name}: 1 of 1 values"):
        save_quantized(quantized, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_logits_beyond_float16_are_not_written_as_soft_targets(tmp_path: Path) -> None:
    logits = torch.tensor([[70000.0, 1.0]]).half()
    with pytest.raises(NonFiniteError, match=r"^logits: 1 of 2 values are not finite$"):
        soft_targets.save_soft_targets(soft_targets.SoftTargets(("row",), logits), tmp_path)


def test_predictions_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    logits = np.array([[NAN, 1.0]], dtype=np.float32)
    record = predictions.Predictions(
        ("row",), TEXT_CLASSIFICATION, ("no", "yes"), np.array([0]), {"onnx": logits}
    )
    with pytest.raises(NonFiniteError, match=r"^onnx: 1 of 2"):
        predictions.write_predictions(record, tmp_path)


def test_a_note_that_is_not_finite_is_not_written(tmp_path: Path) -> None:
    manifest = Manifest(stage="prune", notes={"latency_tables": [{"heads": [0.1, NAN]}]})
    with (
        pytest.raises(NonFiniteError, match=r"^notes\.latency_tables\.0\.heads\.1 is nan$"),
        new_checkpoint(tmp_path / "pruned", manifest),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_graph_refuses_a_constant_that_is_not_finite() -> None:
    graph = Graph(["input_ids"])
    with pytest.raises(NonFiniteError, match=r"^dense\.scale: 1 of 2 values are not finite$"):
        graph.constant("dense.scale", np.array([1.0, INFINITE], dtype=np.float32))
