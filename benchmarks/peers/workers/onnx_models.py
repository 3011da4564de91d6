"""The teacher as an ONNX file of Optimum or Olive, served by ONNX Runtime itself.

Neither library's own wrapper is used to predict: it would add time that the file does not need.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from peers.workers.protocol import Files, Job, Served

LIBRARIES = ("onnxruntime", "optimum", "optimum-onnx", "olive-ai", "transformers")
TASK = "text-classification"
OLIVE_PASSES = {
    "conversion": {"type": "OnnxConversion", "target_opset": 17},
    "optimization": {"type": "OrtTransformersOptimization", "opt_level": 0},
    "quantization": {"type": "OnnxDynamicQuantization"},
}
"""The three steps of Olive's own example for BERT on a processor."""


def build(variant: str, job: Job, folder: Path) -> Files:
    """Export the teacher, and optimize or quantize the graph.

    Args:
        variant: `optimum-fp32`, `optimum-optimized`, `optimum-int8` or `olive-int8`.
        job: Names the teacher.
        folder: For the file.
    """
    made = _olive(job, folder) if variant == "olive-int8" else _optimum(variant, job, folder)
    target = folder / "served.onnx"
    shutil.move(made, target)
    return Files([target], [Path(job.teacher) / "tokenizer.json"])


def load(variant: str, job: Job, folder: Path, threads: int) -> Served:  # noqa: ARG001
    """Open the file.

    Args:
        variant: Unused.
        job: Names the teacher, whose tokenizer is used.
        folder: Of the file.
        threads: Intra-op threads.
    """
    import onnxruntime

    from peers.workers import tokens

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(folder / "served.onnx", options, providers=providers)

    def logits(arrays: tokens.Arrays) -> Any:  # noqa: ANN401
        return session.run(None, arrays)[0]

    tokenizer = tokens.load_tokenizer(Path(job.teacher), job.max_tokens)
    inputs = [value.name for value in session.get_inputs()]
    return tokens.serve_logits(logits, tokenizer, job.labels, inputs)


def _optimum(variant: str, job: Job, folder: Path) -> Path:
    from optimum.onnxruntime import ORTModelForSequenceClassification

    model = ORTModelForSequenceClassification.from_pretrained(job.teacher, export=True)
    model.save_pretrained(folder)
    if variant == "optimum-fp32":
        return folder / "model.onnx"
    return _optimize(model, folder) if variant == "optimum-optimized" else _quantize(model, folder)


def _optimize(model: Any, folder: Path) -> Path:  # noqa: ANN401
    """Fuse the graph; O3 is the highest level for processors that changes no precision."""
    from optimum.onnxruntime import AutoOptimizationConfig, ORTOptimizer

    optimizer = ORTOptimizer.from_pretrained(model)
    optimizer.optimize(save_dir=folder, optimization_config=AutoOptimizationConfig.O3())
    return folder / "model_optimized.onnx"


def _quantize(model: Any, folder: Path) -> Path:  # noqa: ANN401
    from optimum.onnxruntime import ORTQuantizer
    from optimum.onnxruntime.configuration import AutoQuantizationConfig

    config = AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=False)
    ORTQuantizer.from_pretrained(model).quantize(save_dir=folder, quantization_config=config)
    return folder / "model_quantized.onnx"


def _olive(job: Job, folder: Path) -> Path:
    import olive

    accelerators = [{"device": "cpu", "execution_providers": ["CPUExecutionProvider"]}]
    config = {
        "input_model": {"type": "HfModel", "model_path": job.teacher, "task": TASK},
        "systems": {"here": {"type": "LocalSystem", "accelerators": accelerators}},
        "target": "here",
        "passes": OLIVE_PASSES,
        "cache_dir": str(folder / "cache"),
        "output_dir": str(folder / "output"),
    }
    olive.run(config)
    return next((folder / "output").rglob("*.onnx"))
