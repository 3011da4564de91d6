"""A classifier's files: weights, configuration and tokenizer, into a checkpoint and out of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification

from coldpress.model.checkpoint import Checkpoint, LayerShape, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.fused_linears import fuse_state_dict, unfuse_state_dict
from coldpress.model.tokenizer_config import (
    TOKENIZER_CONFIG,
    build_tokenizer_config,
    find_mask_token,
    read_mask_token,
)
from coldpress.schema.finite import check_arrays_finite


def load_classifier(checkpoint: Checkpoint) -> Classifier:
    """Rebuild a checkpoint's model with the shapes that surgery left.

    Args:
        checkpoint: An opened checkpoint with `model.safetensors`.

    Returns:
        The classifier in evaluation mode.
    """
    classifier = build_skeleton(checkpoint)
    state = load_file(checkpoint.path / "model.safetensors")
    classifier.module.load_state_dict(unfuse_state_dict(classifier.module, state))
    return classifier


def build_skeleton(checkpoint: Checkpoint) -> Classifier:
    """Rebuild a checkpoint's modules in their shapes, with meaningless weights.

    Args:
        checkpoint: An opened checkpoint with `config.json`.

    Returns:
        The classifier in evaluation mode.
    """
    config = AutoConfig.from_pretrained(checkpoint.path, local_files_only=True)
    build = cast("Callable[..., nn.Module]", AutoModelForSequenceClassification.from_config)
    # What is trained is float32, whatever precision the pretrained files announced.
    module = build(config, attn_implementation="eager", dtype=torch.float32).eval()
    tokenizer, labels = load_tokenizer(checkpoint), checkpoint.manifest.labels
    classifier = Classifier(module, tokenizer, labels, read_mask_token(checkpoint.path, tokenizer))
    if checkpoint.manifest.shapes:
        _reshape(classifier, checkpoint.manifest.shapes)
    return classifier


def load_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """Read a checkpoint's tokenizer, without its weights.

    Args:
        checkpoint: An opened checkpoint with `tokenizer.json`.

    Returns:
        A tokenizer that truncates at the model's limit.
    """
    return Tokenizer.from_file(str(checkpoint.path / "tokenizer.json"))


def save_classifier(classifier: Classifier, directory: Path) -> None:
    """Put weights, configuration and tokenizer into a checkpoint that is being written.

    Args:
        classifier: What to save.
        directory: What `checkpoint.writing` yielded.
    """
    save_state(fuse_state_dict(classifier.module, classifier.module.state_dict()), directory)
    save_description(classifier, directory)


def save_state(state: Mapping[str, Tensor], directory: Path) -> None:
    """Put tensors into a checkpoint that is being written.

    Args:
        state: Tensors by name.
        directory: What `checkpoint.writing` yielded.

    Raises:
        NonFiniteError: A tensor holds a NaN or an infinity.
    """
    whole = {name: tensor.contiguous() for name, tensor in state.items()}
    check_arrays_finite({name: tensor.detach().cpu().numpy() for name, tensor in whole.items()})
    save_file(whole, directory / "model.safetensors", metadata={"format": "pt"})


def save_description(classifier: Classifier, directory: Path) -> None:
    """Put configuration and tokenizer, all but the weights, into a directory.

    Args:
        classifier: What to describe.
        directory: What `checkpoint.writing` yielded.
    """
    config = copy.deepcopy(classifier.config)
    # Otherwise other programs take it for what it was trained from: a bare encoder.
    config.architectures = [type(classifier.module).__name__]
    config.id2label = dict(enumerate(classifier.labels))
    config.label2id = {name: i for i, name in enumerate(classifier.labels)}
    # Digested files carry no version and no path, or equal models would not be equal.
    config.transformers_version = None
    config._name_or_path = ""
    (directory / "config.json").write_text(config.to_json_string(use_diff=False), encoding="utf-8")
    classifier.tokenizer.save(str(directory / "tokenizer.json"))
    mask = find_mask_token(classifier.tokenizer, classifier.mask_token)
    described = build_tokenizer_config(classifier.tokenizer, mask, classifier.input_names, config)
    (directory / TOKENIZER_CONFIG).write_text(json.dumps(described, indent=2), encoding="utf-8")


def _reshape(classifier: Classifier, shapes: Sequence[LayerShape]) -> None:
    """Give every layer empty linear modules of the sizes that were written down."""
    hidden = int(classifier.config.hidden_size)
    for layer, shape in zip(classifier.layers, shapes, strict=True):
        width = shape.heads * classifier.head_size
        for role in ("query", "key", "value"):
            resize(classifier.linear(layer, role), width, hidden)
        resize(classifier.linear(layer, "attention_output"), hidden, width)
        for role in classifier.architecture.up_roles:
            resize(classifier.linear(layer, role), shape.neurons, hidden)
        resize(classifier.linear(layer, "down"), hidden, shape.neurons)


def resize(linear: nn.Linear, out_features: int, in_features: int) -> None:
    """Give a linear module a new, uninitialised weight.

    Args:
        linear: The module, changed in place.
        out_features: Rows of the new weight.
        in_features: Columns of the new weight.
    """
    linear.out_features, linear.in_features = out_features, in_features
    linear.weight = nn.Parameter(torch.empty(out_features, in_features))
    if linear.bias is not None:
        linear.bias = nn.Parameter(torch.empty(out_features))


def write_checkpoint(classifier: Classifier, target: Path, manifest: Manifest) -> None:
    """Write a whole checkpoint of a classifier.

    Args:
        classifier: What to write.
        target: Directory that must not exist yet.
        manifest: Stage, parents, section and notes; labels and shapes are filled in.
    """
    described = {"labels": classifier.labels, "shapes": classifier.shapes}
    with new_checkpoint(target, manifest.model_copy(update=described)) as directory:
        save_classifier(classifier, directory)
