"""A classifier in memory: torch module, tokenizer and labels."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.errors import InputError
from coldpress.model.architecture import ARCHITECTURES, Architecture
from coldpress.model.checkpoint import LayerShape
from coldpress.model.fused_linears import unfuse_linears


@dataclass
class Classifier:
    """An encoder with a classification head.

    Attributes:
        module: The transformers module, what it fuses taken apart; `module.config` describes it
            before surgery.
        tokenizer: Truncates at the model's limit; its padding is off.
        labels: Label names, in the order of the logits.
        mask_token: What stands for a masked word, where it has an unusual name.
    """

    module: nn.Module
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    mask_token: str = ""

    def __post_init__(self) -> None:
        if self.config.model_type in ARCHITECTURES:
            unfuse_linears(self.layers, self.architecture, self.config)

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
    def token_table(self) -> nn.Embedding:
        """The embedding table with a row a token."""
        table = self.encoder.get_submodule(self.architecture.word_embeddings)
        return cast("nn.Embedding", table)

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

    @property
    def reads_first_token(self) -> bool:
        """Whether the head reads the first token alone, and not the mean of all."""
        name = self.architecture.config_pooling
        return name is None or getattr(self.config, name) == "cls"

    def linear(self, layer: nn.Module, role: str) -> nn.Linear:
        """Return a layer's linear module by its role.

        Args:
            layer: One of `layers`.
            role: One of `architecture.roles`.

        Returns:
            The module.
        """
        return cast("nn.Linear", layer.get_submodule(getattr(self.architecture, role)))

    def copy(self) -> Classifier:
        """Return a deep copy whose weights can be changed freely."""
        return replace(self, module=copy.deepcopy(self.module))

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs that this model accepts; no segment ids without segments."""
        named = ["input_ids", "attention_mask", "token_type_ids"]
        if getattr(self.config, "type_vocab_size", 0) < 2:
            named.remove("token_type_ids")
        return tuple(name for name in named if name in self._accepted)

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
        device = next(self.module.parameters()).device
        return {k: torch.from_numpy(getattr(batch, k)).to(device) for k in self.input_names}

    def logits(self, encoded: EncodedSplit, batch_size: int = 64) -> Tensor:
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


def count_parameters(classifier: Classifier) -> int:
    """Count the parameters, embeddings and classification head included.

    Args:
        classifier: Any classifier.

    Returns:
        Their number, zeros included.
    """
    return sum(parameter.numel() for parameter in classifier.module.parameters())


def count_nonzero_parameters(classifier: Classifier) -> int:
    """Count the parameters that are not exactly zero.

    Args:
        classifier: Any classifier.

    Returns:
        Their number, embeddings and classification head included.
    """
    return sum(int(parameter.count_nonzero()) for parameter in classifier.module.parameters())
