"""The sentence head: what makes one vector of an encoder's token vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

Pooling = Literal["cls", "mean", "max", "mean_sqrt_len"]
"""The first token, or a mean, maximum, or sum over the square root of the number of tokens."""

DenseActivation = Literal["identity", "tanh"]

POOLINGS: tuple[Pooling, ...] = get_args(Pooling)

CONFIG_KEY = "sentence_head"
"""Key of the head's description in `config.json`."""

DENSE = "dense"
"""Path of the linear layer after pooling, if there is one."""


@dataclass(frozen=True)
class Dense:
    """A linear layer after pooling.

    Attributes:
        width: Length of its output.
        bias: Whether it adds one.
        activation: Function of its output.
    """

    width: int
    bias: bool = True
    activation: DenseActivation = "identity"


@dataclass(frozen=True)
class SentenceHead:
    """Description of a sentence head, stored in `config.json` as `sentence_head`.

    Attributes:
        pooling: From token vectors to one vector.
        dense: A linear layer after it, or None.
        normalize: Whether the vector is divided by its length.
    """

    pooling: Pooling = "mean"
    dense: Dense | None = None
    normalize: bool = True

    def dimension(self, hidden_size: int) -> int:
        """Return the length of the vectors.

        Args:
            hidden_size: Width of the encoder.
        """
        return hidden_size if self.dense is None else self.dense.width

    def to_json(self) -> dict[str, Any]:
        """Return the description as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned."""
        dense = content["dense"]
        return cls(
            pooling=content["pooling"],
            dense=None if dense is None else Dense(**dense),
            normalize=content["normalize"],
        )


def read_head(config: Any) -> SentenceHead:  # noqa: ANN401
    """Return the description of the head in a transformers configuration."""
    return SentenceHead.from_json(getattr(config, CONFIG_KEY))


def write_head(config: Any, head: SentenceHead) -> None:  # noqa: ANN401
    """Put the description of a head into a transformers configuration."""
    setattr(config, CONFIG_KEY, head.to_json())
