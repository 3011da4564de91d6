"""Results of stages: a skipped stage passes the model of an earlier stage on."""

from __future__ import annotations

from tasks.tracking.results import StageResult, final_model


def test_the_final_model_is_that_of_the_last_stage_that_is_not_skipped() -> None:
    teacher = StageResult(stage="train_teacher", status="reused", digest="a")
    pruned = StageResult(stage="prune", status="ran", digest="b", registered="tiny-pruned/2")
    quantized = pruned.skipped_as("quantize")
    exported = quantized.skipped_as("export_onnx")
    assert (exported.digest, exported.registered) == ("b", None)
    assert final_model([teacher, pruned, quantized, exported]) is pruned
    onnx = StageResult(stage="export_onnx", status="ran", digest="c")
    assert final_model([teacher, pruned, quantized, onnx]) is onnx
