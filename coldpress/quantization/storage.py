"""Quantized checkpoints: integers, scales and activation ranges, by the paths of their modules."""

from __future__ import annotations

from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from coldpress.checkpoint import Checkpoint
from coldpress.model import Classifier
from coldpress.model_files import save, skeleton
from coldpress.quantization.replacement import mark_first_token, modules
from coldpress.quantization.simulation import QuantizedEmbedding, QuantizedLinear

WEIGHTS = "model.safetensors"


def save_quantized(classifier: Classifier, directory: Path) -> None:
    """Put integers, scales, configuration and tokenizer into a checkpoint that is being written.

    Args:
        classifier: As a method's `quantize` returned it.
        directory: What `checkpoint.writing` yielded.
    """
    save(classifier, directory)


def load_quantized(checkpoint: Checkpoint) -> Classifier:
    """Rebuild a quantized classifier that gives the logits it gave before.

    Args:
        checkpoint: What `save_quantized` has written.

    Returns:
        The classifier in evaluation mode.
    """
    classifier, state = skeleton(checkpoint), load_file(checkpoint.path / WEIGHTS)
    for path, linear in modules(classifier, nn.Linear).items():
        rows, columns = linear.weight.shape
        calibrated, smoothed = (
            f"{path}.{name}" in state for name in ("activation_scale", "input_scale")
        )
        made = QuantizedLinear(rows, columns, calibrated=calibrated, smoothed=smoothed)
        classifier.module.set_submodule(path, made)
    for path, table in modules(classifier, nn.Embedding).items():
        classifier.module.set_submodule(path, QuantizedEmbedding(*table.weight.shape))
    mark_first_token(classifier)
    classifier.module.load_state_dict(state)
    return classifier


def is_quantized(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint holds integer weights; only the file's header is read.

    Args:
        checkpoint: Any checkpoint with `model.safetensors`.

    Returns:
        True for what `save_quantized` has written.
    """
    with safe_open(checkpoint.path / WEIGHTS, framework="numpy") as file:
        return any(name.endswith(".scale") for name in file.keys())  # noqa: SIM118
