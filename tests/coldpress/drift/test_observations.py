from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.drift.observations import observe
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import export


@pytest.fixture
def model(tiny_checkpoint: Checkpoint, tmp_path: Path) -> Path:
    """The tiny model, exported."""
    folder = tmp_path / "onnx"
    folder.mkdir()
    export(tiny_checkpoint, folder, 17, {"temperature": "2.0"})
    return folder


def test_predictions_equal_those_of_the_evaluation(
    model: Path, tiny: Classifier, split: Split
) -> None:
    observations = observe(split, model)
    expected = tiny.logits(encode(tiny.tokenizer, split)).numpy() / 2
    np.testing.assert_allclose(observations.predictions.outputs["onnx"], expected, atol=1e-5)
    assert (observations.predictions.ids, observations.predictions.names) == (
        split.ids,
        ("calm", "fast", "warm"),
    )
    assert observations.predictions.targets.tolist() == list(split.targets)
    assert observations.profile.words.total.tolist() == [1 + n % 5 for n in range(12)]


def test_rows_may_have_no_labels(model: Path, split: Split) -> None:
    bare = Split(split.ids, split.texts, None, ())
    assert len(observe(bare, model).predictions.targets) == 0
