"""The last model of an evaluation is the final one, with or without an ONNX file."""

from __future__ import annotations

import pytest

from coldpress.evaluation.scorecard.final_model import final_model_name
from tests.support.evaluations import evaluation, scorecard


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("teacher", "student", "onnx"), "onnx"),
        (("teacher", "pruned", "quantized"), "quantized"),
        (("teacher", "pruned"), "pruned"),
        ((), "onnx"),
    ],
)
def test_the_last_model_is_the_final_one(names: tuple[str, ...], expected: str) -> None:
    models = {name: scorecard() for name in names}
    assert final_model_name(evaluation(models=models)) == expected
