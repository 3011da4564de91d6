"""The output head: what follows the encoder. It depends on the task kind and on the family."""

from __future__ import annotations

from typing import Any, Literal

from coldpress.kinds.kind import HeadName, TaskKind
from coldpress.model.architecture import Architecture
from coldpress.model.components import OutputHead

TokensRead = Literal["first", "mean", "all"]
"""What a head reads: the first token, the mean of all tokens, or every token by itself."""

CLASS_SUFFIXES: dict[HeadName, str] = {
    "text": "ForSequenceClassification",
    "tokens": "ForTokenClassification",
}
"""How transformers names the classes of models with a head."""


def find_output_head(table: Architecture, kind: TaskKind) -> OutputHead:
    """Return the modules after the encoder.

    Args:
        table: The model's family.
        kind: Its task kind.
    """
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
    pooling = table.config_keys.pooling
    return "first" if pooling is None or getattr(config, pooling) == "cls" else "mean"


def model_class(kind: TaskKind) -> Any:  # noqa: ANN401
    """Return the class of transformers that builds models with the head of a task kind."""
    import transformers

    return getattr(transformers, f"AutoModel{CLASS_SUFFIXES[kind.head]}")
