from __future__ import annotations

from pathlib import Path

import torch

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint, LayerShape, Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import load_classifier, write_checkpoint
from coldpress.model.surgery import keep_heads, keep_neurons


def reloaded(classifier: Classifier, target: Path) -> Classifier:
    write_checkpoint(classifier, target, Manifest(stage="prune"))
    return load_classifier(Checkpoint.open(target))


def test_a_pruned_model_comes_back_with_its_shapes(tiny: Classifier, tmp_path: Path) -> None:
    pruned = keep_neurons(keep_heads(tiny, [[3], [0, 1, 2]]), [range(32), [8]])
    back = reloaded(pruned, tmp_path / "pruned")
    assert back.shapes == (LayerShape(heads=1, neurons=32), LayerShape(heads=3, neurons=1))
    assert back.labels == ("calm", "fast", "warm")
    assert not back.module.training


def test_equal_models_are_equal_files_wherever_they_came_from(
    tiny: Classifier, tmp_path: Path
) -> None:
    write_checkpoint(tiny, tmp_path / "one", Manifest(stage="prune"))
    elsewhere = tiny.copy()
    elsewhere.config._name_or_path = "/models/elsewhere"
    write_checkpoint(elsewhere, tmp_path / "two", Manifest(stage="prune"))
    assert Checkpoint.open(tmp_path / "one").digest == Checkpoint.open(tmp_path / "two").digest


def test_a_configuration_of_half_precision_does_not_round_the_weights(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    """Pretrained configurations may name float16; models trained from them are float32."""
    tiny.config.dtype = torch.float16
    rows = encode(tiny.tokenizer, split)
    assert torch.equal(reloaded(tiny, tmp_path / "half").logits(rows), tiny.logits(rows))
