"""The model in memory: torch module, tokenizer, task kind and labels."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from coldpress import ranks
from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.errors import InputError
from coldpress.kinds.kind import TaskKind
from coldpress.kinds.thresholds import fitted_margins
from coldpress.kinds.vectors import validation_score
from coldpress.model.architecture import ARCHITECTURES, find_architecture
from coldpress.model.checkpoint import LayerShape
from coldpress.model.components import Architecture, OutputHead, TokensRead
from coldpress.model.disentangled import prepare_disentangled_attention
from coldpress.model.factored_embedding import FactoredEmbedding
from coldpress.model.fused_linears import unfuse_linears
from coldpress.model.normalization import prepare_rms_norms
from coldpress.model.output_head import (
    find_output_head,
    find_tokens_read,
    has_sentence_head,
)
from coldpress.model.relative_bias import prepare_relative_bias
from coldpress.model.sentence_head import read_head
from coldpress.model.shared_heads import copy_shared_heads


@dataclass
class Classifier:
    """An encoder with an output head.

    Attributes:
        module: The transformers module with its fused linear modules split. `module.config`
            describes it before pruning.
        tokenizer: Truncates at the model's limit; its padding is off.
        labels: Names of the outputs, such as label names in the order of the logits.
        kind: The task that the outputs are for.
        mask_token: Name of the mask token, if it is none of `COMMON_MASK_TOKENS`.
    """

    module: nn.Module
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    kind: TaskKind
    mask_token: str = ""

    def __post_init__(self) -> None:
        if self.config.model_type in ARCHITECTURES:
            unfuse_linears(self.layers, self.architecture, self.config)
            prepare_rms_norms(self)
            copy_shared_heads(self)
            prepare_relative_bias(self)
            prepare_disentangled_attention(self)

    @property
    def architecture(self) -> Architecture:
        """Module paths and configuration keys of this model's family.

        Raises:
            InputError: The family is not supported.
        """
        family = self.config.model_type
        try:
            return find_architecture(family)
        except KeyError:
            supported = ", ".join(sorted(ARCHITECTURES))
            message = f"teacher.model: family {family!r} is not one of: {supported}"
            raise InputError(message) from None

    @property
    def config(self) -> Any:  # noqa: ANN401
        """The transformers configuration."""
        return self.module.config

    @property
    def encoder(self) -> nn.Module:
        """The encoder below the output head."""
        return self.module.get_submodule(self.architecture.encoder)

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers, lowest first."""
        return cast("nn.ModuleList", self.encoder.get_submodule(self.architecture.layers))

    @property
    def token_table(self) -> nn.Embedding:
        """The token embedding table, of shape (vocabulary, width).

        Of a table that is a product of factors the first, of shape (vocabulary, rank).
        """
        return cast("nn.Embedding", self.encoder.get_submodule(self.token_table_path))

    @property
    def token_table_path(self) -> str:
        """Path of the token embedding table inside the encoder."""
        path = self.architecture.embeddings.words
        is_factored = isinstance(self.encoder.get_submodule(path), FactoredEmbedding)
        return f"{path}.table" if is_factored else path

    @property
    def shapes(self) -> tuple[LayerShape, ...]:
        """Current number of heads and neurons of each layer."""
        return tuple(
            LayerShape(
                heads=self.linear(layer, "query").out_features // self.head_size,
                neurons=self.linear(layer, "up").out_features,
            )
            for layer in self.layers
        )

    @property
    def head_size(self) -> int:
        """Width of one attention head; pruning never changes it."""
        heads = getattr(self.config, self.architecture.config_keys.heads)
        return int(self.config.hidden_size) // int(heads)

    @property
    def output_head(self) -> OutputHead:
        """Paths of the modules after the encoder."""
        return find_output_head(self.architecture, self.kind, self.config)

    @property
    def has_sentence_head(self) -> bool:
        """True if the output head pools the tokens' vectors, see `SentenceHead`."""
        return has_sentence_head(self.kind, self.config)

    @property
    def tokens_read(self) -> TokensRead:
        """What the output head reads, such as the first token or the mean of all."""
        return find_tokens_read(self.architecture, self.kind, self.config)

    @property
    def output_size(self) -> int:
        """Length of an output vector."""
        if self.kind.head == "sentence":
            return read_head(self.config).dimension(int(self.config.hidden_size))
        return len(self.labels)

    @property
    def reads_first_token(self) -> bool:
        """True if the output head reads the first token and no other."""
        return self.tokens_read == "first"

    def linear(self, layer: nn.Module, role: str) -> nn.Linear:
        """Return the linear module with a role in a layer.

        Args:
            layer: One of `layers`.
            role: A role in `architecture.linears`.

        Returns:
            The module; its weight has the shape (out, in).
        """
        return cast("nn.Linear", layer.get_submodule(self.architecture.linears[role]))

    def copy(self) -> Classifier:
        """Return a classifier with a deep copy of the module."""
        return replace(self, module=copy.deepcopy(self.module))

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs that this model accepts; no segment ids without segments."""
        names = ["input_ids", "attention_mask", "token_type_ids"]
        if getattr(self.config, "type_vocab_size", 0) < 2:
            names.remove("token_type_ids")
        return tuple(name for name in names if name in self._forward_parameters)

    @cached_property
    def _forward_parameters(self) -> frozenset[str]:
        return frozenset(inspect.signature(self.module.forward).parameters)

    def inputs(self, batch: Batch) -> dict[str, Tensor]:
        """Convert a batch to the keyword arguments of the module.

        Args:
            batch: Arrays of shape (batch, tokens).

        Returns:
            int64 tensors of shape (batch, tokens) by `input_names`, on the model's device.
        """
        device = next(self.module.parameters()).device
        tensors = {k: torch.from_numpy(getattr(batch, k)) for k in self.input_names}
        if device.type == "cuda":  # from pinned memory the copy does not wait
            tensors = {k: tensor.pin_memory() for k, tensor in tensors.items()}
        return {k: tensor.to(device, non_blocking=True) for k, tensor in tensors.items()}

    def unit_logits(self, batch: Batch) -> Tensor:
        """Run the module, in its current mode, and select the logits of the units.

        Args:
            batch: Padded rows.

        Returns:
            Shape (units, labels), on the model's device.
        """
        return batch.select_units(cast("Tensor", self.module(**self.inputs(batch)).logits))

    def logits(self, encoded: EncodedSplit, batch_size: int = 64) -> Tensor:
        """Compute the logits of every unit, without gradients, in evaluation mode.

        Args:
            encoded: Tokenized rows.
            batch_size: Rows in a forward pass.

        Returns:
            float32 logits of shape (units, labels), in the order of the units; 0 for units that
            the model does not see. Ranks divide the batches.
        """
        logits = torch.zeros(encoded.unit_count, self.output_size)
        training = self.module.training
        self.module.eval()
        with torch.inference_mode():
            batches = encoded.batches(batch_size)
            for batch in islice(batches, ranks.rank_number(), None, ranks.rank_count()):
                logits[torch.from_numpy(batch.units)] = self.unit_logits(batch).float().cpu()
        self.module.train(training)
        return ranks.sum_in_place(logits)


def score(classifier: Classifier, rows: EncodedSplit) -> float:
    """Compute the metric that selects epochs on rows with targets.

    Labels with thresholds have the best ones for these rows.
    """
    kind = classifier.kind
    outputs = fitted_margins(kind, classifier.logits(rows).numpy(), rows.targets)
    return validation_score(kind, outputs, rows.targets)


def count_parameters(classifier: Classifier) -> int:
    """Count all parameters, including zeros, embeddings and the output head."""
    return sum(parameter.numel() for parameter in classifier.module.parameters())


def count_nonzero_parameters(classifier: Classifier) -> int:
    """Count the parameters that are not exactly zero, including those of the embeddings."""
    return sum(int(parameter.count_nonzero()) for parameter in classifier.module.parameters())
