"""The output head: what follows the encoder. It depends on the task kind and on the family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from coldpress.kinds.kind import HeadName, TaskKind
from coldpress.model.architecture import ARCHITECTURES, WITHOUT_LAYERS
from coldpress.model.components import Architecture, OutputHead, TokensRead
from coldpress.model.sentence_head import CONFIG_KEY, DENSE, Pooling, read_head

if TYPE_CHECKING:
    from torch import nn

_SENTENCE_READS: Mapping[Pooling, TokensRead] = {"cls": "first", "mean": "mean"}

CLASS_SUFFIXES: dict[HeadName, str] = {
    "text": "ForSequenceClassification",
    "tokens": "ForTokenClassification",
    "sentence": "ForTokenClassification",  # of which the encoder is used
}
"""How transformers names the classes of models with a head."""


def has_sentence_head(kind: TaskKind, config: Any) -> bool:  # noqa: ANN401
    """Return whether a model has a sentence head: for vectors, or in a classifier of few labels.

    Args:
        kind: Its task kind.
        config: Its transformers configuration.
    """
    return kind.head == "sentence" or getattr(config, CONFIG_KEY, None) is not None


def find_output_head(table: Architecture, kind: TaskKind, config: Any = None) -> OutputHead:  # noqa: ANN401
    """Return the modules after the encoder.

    Args:
        table: The model's family.
        kind: Its task kind.
        config: Its transformers configuration, which may have a sentence head; None: it has none.
    """
    if has_sentence_head(kind, config):
        return OutputHead(pooler=None, output=DENSE)
    return table.token_head if kind.head == "tokens" else table.classification_head


def find_tokens_read(table: Architecture, kind: TaskKind, config: Any) -> TokensRead:  # noqa: ANN401
    """Return what the head reads.

    Args:
        table: The model's family.
        kind: Its task kind.
        config: Its transformers configuration, which may choose a pooling.
    """
    if kind.head == "tokens":
        return "all"
    if has_sentence_head(kind, config):
        return _SENTENCE_READS.get(read_head(config).pooling, "together")
    if config.model_type in WITHOUT_LAYERS:
        return "together"
    keys = table.config_keys
    return "first" if keys.pooling is None else keys.poolings[getattr(config, keys.pooling)]


def new_module(kind: TaskKind, config: Any, **settings: Any) -> nn.Module:  # noqa: ANN401
    """Build a model with the head of a task kind and random weights.

    Args:
        kind: Task kind.
        config: The transformers configuration; that of a sentence model has its `sentence_head`.
        settings: Further arguments of transformers' `from_config`, such as `dtype`. A model
            without layers ignores them: it is in float32.
    """
    if config.model_type in WITHOUT_LAYERS:
        from coldpress.model.without_layers import new_module_without_layers

        return new_module_without_layers(config)
    module = model_class(kind, config).from_config(config, attn_implementation="eager", **settings)
    return attach_head(kind, module)


def attach_head(kind: TaskKind, module: nn.Module) -> nn.Module:
    """Replace the head of transformers by that of a task kind, if they differ.

    Args:
        kind: Task kind.
        module: Built by the class of `model_class`.
    """
    if not has_sentence_head(kind, module.config):
        return module
    from coldpress.model.sentence_model import SentenceModel

    config: Any = module.config
    encoder = module.get_submodule(ARCHITECTURES[config.model_type].encoder)
    return SentenceModel(encoder, config)


def model_class(kind: TaskKind, config: Any = None) -> Any:  # noqa: ANN401
    """Return the class of transformers that builds models for a task kind, see `attach_head`.

    Args:
        kind: Task kind.
        config: The model's configuration, which may have a sentence head; None: it has none.
    """
    import transformers

    head = "sentence" if has_sentence_head(kind, config) else kind.head
    return getattr(transformers, f"AutoModel{CLASS_SUFFIXES[head]}")
