"""A classifier in memory: torch module, tokenizer and labels, to and from a checkpoint."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification

from coldpress.architecture import ARCHITECTURES, Architecture
from coldpress.checkpoint import Checkpoint, LayerShape, Manifest, writing
from coldpress.encoding import Batch, Encoded
from coldpress.errors import InputError


@dataclass
class Classifier:
    """An encoder with a classification head.

    Attributes:
        module: The transformers module; `module.config` describes it before surgery.
        tokenizer: Truncates at the model's limit; its padding is off.
        labels: Label names, in the order of the logits.
    """

    module: nn.Module
    tokenizer: Tokenizer
    labels: tuple[str, ...]

    @property
    def architecture(self) -> Architecture:
        """Where the parts of this model are.

        Raises:
            InputError: Its family is missing from the table.
        """
        family = self.config.model_type
        if family not in ARCHITECTURES:
            known = ", ".join(sorted(ARCHITECTURES))
            raise InputError(f"teacher.model: family {family!r} is not one of: {known}")
        return ARCHITECTURES[family]

    @property
    def config(self) -> Any:  # noqa: ANN401
        """The transformers configuration."""
        return self.module.config

    @property
    def encoder(self) -> nn.Module:
        """The encoder below the classification head."""
        return self.module.get_submodule(self.architecture.encoder)

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers, lowest first."""
        return cast("nn.ModuleList", self.encoder.get_submodule(self.architecture.layers))

    @property
    def shapes(self) -> tuple[LayerShape, ...]:
        """Heads and neurons of each layer, as they are now."""
        return tuple(
            LayerShape(
                heads=self.linear(layer, "query").out_features // self.head_size,
                neurons=self.linear(layer, "up").out_features,
            )
            for layer in self.layers
        )

    @property
    def head_size(self) -> int:
        """Width of one attention head; surgery never changes it."""
        heads = getattr(self.config, self.architecture.config_heads)
        return int(self.config.hidden_size) // int(heads)

    def linear(self, layer: nn.Module, role: str) -> nn.Linear:
        """Return a layer's linear module by its role.

        Args:
            layer: One of `layers`.
            role: `query`, `key`, `value`, `attention_output`, `up` or `down`.

        Returns:
            The module.
        """
        return cast("nn.Linear", layer.get_submodule(getattr(self.architecture, role)))

    def copy(self) -> Classifier:
        """Return a deep copy whose weights can be changed freely."""
        return Classifier(copy.deepcopy(self.module), self.tokenizer, self.labels)

    @cached_property
    def _accepted(self) -> frozenset[str]:
        return frozenset(inspect.signature(self.module.forward).parameters)

    def inputs(self, batch: Batch) -> dict[str, Tensor]:
        """Turn a batch into the keyword arguments that this model accepts.

        Args:
            batch: Arrays of shape (batch, tokens).

        Returns:
            int64 tensors of the same shape; no segment ids for a model without segments.
        """
        named = {
            "input_ids": batch.input_ids,
            "attention_mask": batch.attention_mask,
            "token_type_ids": batch.token_type_ids,
        }
        if getattr(self.config, "type_vocab_size", 0) < 2:
            named.pop("token_type_ids")
        device = next(self.module.parameters()).device
        return {k: torch.from_numpy(v).to(device) for k, v in named.items() if k in self._accepted}

    def logits(self, encoded: Encoded, batch_size: int = 64) -> Tensor:
        """Answer every row, without gradients, in evaluation mode.

        Args:
            encoded: Rows to answer.
            batch_size: Rows a forward pass.

        Returns:
            float32 logits of shape (rows, labels), in the rows' order.
        """
        answers = torch.empty(len(encoded), len(self.labels))
        training = self.module.training
        self.module.eval()
        with torch.inference_mode():
            for batch in encoded.batches(batch_size):
                answers[torch.from_numpy(batch.rows)] = self.module(
                    **self.inputs(batch)
                ).logits.cpu()
        self.module.train(training)
        return answers


def accuracy(logits: Tensor, labels: Sequence[int]) -> float:
    """Share of rows whose largest logit is at their label.

    Args:
        logits: Shape (rows, labels).
        labels: One index a row.

    Returns:
        A fraction between 0 and 1.
    """
    return float((logits.argmax(-1) == torch.as_tensor(labels)).float().mean())


def load(checkpoint: Checkpoint) -> Classifier:
    """Rebuild a checkpoint's model with the shapes that surgery left.

    Args:
        checkpoint: An opened checkpoint with `model.safetensors`.

    Returns:
        The classifier in evaluation mode.
    """
    classifier = skeleton(checkpoint)
    classifier.module.load_state_dict(load_file(checkpoint.path / "model.safetensors"))
    return classifier


def skeleton(checkpoint: Checkpoint) -> Classifier:
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
    classifier = Classifier(module, load_tokenizer(checkpoint), checkpoint.manifest.labels)
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


def save(classifier: Classifier, directory: Path) -> None:
    """Put weights, configuration and tokenizer into a checkpoint that is being written.

    Args:
        classifier: What to save.
        directory: What `checkpoint.writing` yielded.
    """
    state = {k: v.contiguous() for k, v in classifier.module.state_dict().items()}
    save_file(state, directory / "model.safetensors", metadata={"format": "pt"})
    save_description(classifier, directory)


def save_description(classifier: Classifier, directory: Path) -> None:
    """Put configuration and tokenizer, all but the weights, into a directory.

    Args:
        classifier: What to describe.
        directory: What `checkpoint.writing` yielded.
    """
    config = copy.deepcopy(classifier.config)
    config.id2label = dict(enumerate(classifier.labels))
    config.label2id = {name: i for i, name in enumerate(classifier.labels)}
    # Digested files carry no version and no path, or equal models would not be equal.
    config.transformers_version = None
    config._name_or_path = ""
    (directory / "config.json").write_text(config.to_json_string(use_diff=False))
    classifier.tokenizer.no_padding()
    classifier.tokenizer.save(str(directory / "tokenizer.json"))


def _reshape(classifier: Classifier, shapes: Sequence[LayerShape]) -> None:
    """Give every layer empty linear modules of the sizes that were written down."""
    hidden = int(classifier.config.hidden_size)
    for layer, shape in zip(classifier.layers, shapes, strict=True):
        width = shape.heads * classifier.head_size
        for role in ("query", "key", "value"):
            resize(classifier.linear(layer, role), width, hidden)
        resize(classifier.linear(layer, "attention_output"), hidden, width)
        resize(classifier.linear(layer, "up"), shape.neurons, hidden)
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
    linear.bias = nn.Parameter(torch.empty(out_features))


def write(classifier: Classifier, target: Path, manifest: Manifest) -> None:
    """Write a whole checkpoint of a classifier.

    Args:
        classifier: What to write.
        target: Directory that must not exist yet.
        manifest: Stage, parents, section and notes; labels and shapes are filled in.
    """
    described = {"labels": classifier.labels, "shapes": classifier.shapes}
    with writing(target, manifest.model_copy(update=described)) as directory:
        save(classifier, directory)
