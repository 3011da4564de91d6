"""Save classifiers to checkpoints and load them again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig

from coldpress.kinds import task_kind
from coldpress.model.architecture import EMBEDDING_RANK
from coldpress.model.checkpoint import Checkpoint, LayerShape, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.disentangled import resize_positions
from coldpress.model.factored_embedding import add_factors
from coldpress.model.fused_linears import fuse_state_dict, unfuse_state_dict
from coldpress.model.model_config import build_config, write_config
from coldpress.model.output_head import new_module
from coldpress.model.tokenizer_config import (
    TOKENIZER_CONFIG,
    build_tokenizer_config,
    find_mask_token,
    read_mask_token,
)
from coldpress.model.without_layers import register_configs
from coldpress.schema.finite import check_arrays_finite


def load_classifier(checkpoint: Checkpoint) -> Classifier:
    """Load a checkpoint's model, with the layer shapes that pruning left.

    Args:
        checkpoint: A checkpoint with `model.safetensors`.

    Returns:
        The classifier in evaluation mode.
    """
    classifier = build_skeleton(checkpoint)
    state = load_file(checkpoint.path / "model.safetensors")
    classifier.module.load_state_dict(unfuse_state_dict(classifier.module, state))
    return classifier


def build_skeleton(checkpoint: Checkpoint) -> Classifier:
    """Build a checkpoint's modules in their shapes, with uninitialized weights.

    Args:
        checkpoint: A checkpoint with `config.json`.

    Returns:
        The classifier in evaluation mode.
    """
    register_configs()
    config = AutoConfig.from_pretrained(checkpoint.path, local_files_only=True)
    kind = task_kind(checkpoint.manifest.kind)
    # Training is in float32, whatever precision the pretrained configuration names.
    module = new_module(kind, config, dtype=torch.float32).eval()
    tokenizer = load_tokenizer(checkpoint)
    mask_token = read_mask_token(checkpoint.path, tokenizer)
    classifier = Classifier(module, tokenizer, checkpoint.manifest.labels, kind, mask_token)
    if rank := getattr(config, EMBEDDING_RANK, None):
        add_factors(classifier, rank)
    if checkpoint.manifest.shapes:
        _reshape(classifier, checkpoint.manifest.shapes)
    return classifier


def load_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """Load a checkpoint's tokenizer only.

    Args:
        checkpoint: A checkpoint with `tokenizer.json`.

    Returns:
        The tokenizer, which truncates at the model's limit.
    """
    return Tokenizer.from_file(str(checkpoint.path / "tokenizer.json"))


def save_classifier(classifier: Classifier, directory: Path) -> None:
    """Save weights, configuration and tokenizer.

    Args:
        classifier: The classifier to save.
        directory: The directory that `checkpoint.new_checkpoint` yields.
    """
    save_state(fuse_state_dict(classifier.module, classifier.module.state_dict()), directory)
    save_description(classifier, directory)


def save_state(state: Mapping[str, Tensor], directory: Path) -> None:
    """Save tensors as `model.safetensors`.

    Args:
        state: Tensors by name.
        directory: The directory that `checkpoint.new_checkpoint` yields.

    Raises:
        NonFiniteError: A tensor contains a NaN or an infinity.
    """
    tensors = {name: tensor.contiguous() for name, tensor in state.items()}
    check_arrays_finite({name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()})
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})


def save_description(classifier: Classifier, directory: Path) -> None:
    """Save configuration and tokenizer, without the weights.

    Args:
        classifier: The classifier to save.
        directory: The directory that `checkpoint.new_checkpoint` yields.
    """
    config = build_config(classifier)
    write_config(config, directory / "config.json")
    classifier.tokenizer.save(str(directory / "tokenizer.json"))
    mask = find_mask_token(classifier.tokenizer, classifier.mask_token)
    settings = build_tokenizer_config(classifier.tokenizer, mask, classifier.input_names, config)
    (directory / TOKENIZER_CONFIG).write_text(json.dumps(settings, indent=2), encoding="utf-8")


def _reshape(classifier: Classifier, shapes: Sequence[LayerShape]) -> None:
    """Resize the linear modules of every layer to the shapes in the manifest."""
    hidden_size = int(classifier.config.hidden_size)
    for layer, shape in zip(classifier.layers, shapes, strict=True):
        width = shape.heads * classifier.head_size
        for role in classifier.architecture.head_roles:
            resize(classifier.linear(layer, role), width, hidden_size)
        resize(classifier.linear(layer, "attention_output"), hidden_size, width)
        for role in classifier.architecture.up_roles:
            resize(classifier.linear(layer, role), shape.neurons, hidden_size)
        resize(classifier.linear(layer, "down"), hidden_size, shape.neurons)
    resize_positions(classifier)


def resize(linear: nn.Linear, out_features: int, in_features: int) -> None:
    """Replace the weight of a linear module by an uninitialized one of another shape.

    Args:
        linear: Changed in place.
        out_features: Rows of the new weight.
        in_features: Columns of the new weight.
    """
    linear.out_features = out_features
    linear.in_features = in_features
    linear.weight = nn.Parameter(torch.empty(out_features, in_features))
    if linear.bias is not None:
        linear.bias = nn.Parameter(torch.empty(out_features))


def write_checkpoint(classifier: Classifier, target: Path, manifest: Manifest) -> None:
    """Write a complete checkpoint of a classifier.

    Args:
        classifier: The classifier to save.
        target: Directory that must not exist yet.
        manifest: Stage, parents, section and notes; kind, labels and shapes are filled in.
    """
    with new_checkpoint(target, describe_model(manifest, classifier)) as directory:
        save_classifier(classifier, directory)


def describe_model(manifest: Manifest, classifier: Classifier) -> Manifest:
    """Return a manifest with the kind, labels and shapes of a classifier."""
    update = {
        "kind": classifier.kind.name,
        "labels": classifier.labels,
        "shapes": classifier.shapes,
    }
    return manifest.model_copy(update=update)
