"""The teacher in OpenVINO, in float or quantized by NNCF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peers.workers.protocol import Files, Job, Served

LIBRARIES = ("openvino", "nncf", "torch", "transformers")
CALIBRATION_ROWS = 300
"""NNCF's default for `subset_size`."""


def build(variant: str, job: Job, folder: Path) -> Files:
    """Convert the teacher, and quantize it.

    Args:
        variant: `fp32`, or `int8` for NNCF's quantization after training, for transformers.
        job: Names the teacher; its training texts calibrate.
        folder: For the model.
    """
    import openvino

    model = _convert(job)
    if variant == "int8":
        model = _quantize(model, job)
    target = folder / "model.xml"
    openvino.save_model(model, str(target), compress_to_fp16=False)
    return Files([target, folder / "model.bin"], [Path(job.teacher) / "tokenizer.json"])


def load(variant: str, job: Job, folder: Path, threads: int) -> Served:  # noqa: ARG001
    """Compile the model for the processor, with the hint for latency.

    Args:
        variant: Unused.
        job: Names the teacher, whose tokenizer is used.
        folder: Of the model.
        threads: Inference threads.
    """
    import openvino

    from peers.workers import tokens

    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    compiled = openvino.Core().compile_model(folder / "model.xml", "CPU", options)
    request = compiled.create_infer_request()
    output = compiled.output(0)

    def logits(arrays: tokens.Arrays) -> Any:  # noqa: ANN401
        return request.infer(arrays, share_inputs=True)[output]

    tokenizer = tokens.load_tokenizer(Path(job.teacher), job.max_tokens)
    inputs = [port.get_any_name() for port in compiled.inputs]
    return tokens.serve_logits(logits, tokenizer, job.labels, inputs)


def _convert(job: Job) -> Any:  # noqa: ANN401
    import openvino
    import torch

    from peers.workers import tokens, torch_models

    module = torch_models.load_teacher(job)
    names = torch_models.input_names(module)
    tokenizer = tokens.load_tokenizer(Path(job.teacher), job.max_tokens)
    # Without padding, tracing would drop the attention mask.
    texts = sorted(job.train.texts[:100], key=len)
    arrays = tokens.encode(tokenizer, [texts[0], texts[-1]])
    example = {name: torch.from_numpy(arrays[name]) for name in names}
    return openvino.convert_model(module, example_input=example)


def _quantize(model: Any, job: Job) -> Any:  # noqa: ANN401
    import nncf

    from peers.workers import tokens

    tokenizer = tokens.load_tokenizer(Path(job.teacher), job.max_tokens)
    names = [port.get_any_name() for port in model.inputs]

    def arrays(text: str) -> dict[str, Any]:
        batch = tokens.encode(tokenizer, [text])
        return {name: batch[name] for name in names}

    rows = nncf.Dataset(job.train.texts[:CALIBRATION_ROWS], arrays)
    kind = nncf.ModelType.TRANSFORMER
    return nncf.quantize(model, rows, model_type=kind, subset_size=CALIBRATION_ROWS)
