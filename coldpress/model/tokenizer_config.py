"""What a tokenizer.json does not say: the tokenizer_config.json of a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from coldpress.data.encoding import find_pad_id
from coldpress.model.architecture import ARCHITECTURES
from coldpress.schema.text_files import read_json_object

TOKENIZER_CONFIG = "tokenizer_config.json"
COMMON_MASK_TOKENS = ("[MASK]", "<mask>")
"""Usual names of the token that stands for a masked word."""


def build_tokenizer_config(
    tokenizer: Tokenizer,
    mask: str,
    inputs: Sequence[str],
    config: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Describe a tokenizer to transformers, which would rebuild it by the model's family otherwise.

    Args:
        tokenizer: Any whose tokenizer.json lies beside the description.
        mask: Its mask token, or empty.
        inputs: Names of the inputs that the model accepts.
        config: The model's transformers configuration.

    Returns:
        The content of a tokenizer_config.json.
    """
    padding, rows = config.pad_token_id or 0, config.max_position_embeddings
    named = {"pad_token": tokenizer.id_to_token(find_pad_id(tokenizer)), "mask_token": mask}
    # The name of a token that is not an added one would be cut out of texts from then on.
    added = _added_tokens(tokenizer)
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": list(inputs),
        "model_max_length": position_capacity(config.model_type, rows, padding),
        **{role: name for role, name in named.items() if name in added},
    }


def position_capacity(family: str, rows: int, padding: int) -> int:
    """Count the tokens that a position table has room for.

    Args:
        family: The model's.
        rows: Of the table.
        padding: Id of the padding token.

    Returns:
        Most tokens of a text.
    """
    return rows - (padding + 1 if ARCHITECTURES[family].positions_from_padding else 0)


def read_mask_token(directory: Path, tokenizer: Tokenizer) -> str:
    """Find the mask token of a checkpoint's tokenizer.

    Args:
        directory: Of the checkpoint, which may be from before it described its tokenizer.
        tokenizer: Its tokenizer.

    Returns:
        The token's name; empty where it has none.
    """
    described = (directory / TOKENIZER_CONFIG).exists()
    named = (
        read_json_object(directory / TOKENIZER_CONFIG, str(directory)).get("mask_token")
        if described
        else None
    )
    return find_mask_token(tokenizer, named)


def find_mask_token(tokenizer: Tokenizer, named: str | None) -> str:
    """Find the token that stands for a masked word.

    Args:
        tokenizer: Any.
        named: What the tokenizer's configuration names, if anything.

    Returns:
        The name, or a usual one; empty where the tokenizer has neither.
    """
    # A name that is no added token may be read as several pieces.
    added = _added_tokens(tokenizer)
    return next(
        (name for name in (named, *COMMON_MASK_TOKENS) if name is not None and name in added), ""
    )


def _added_tokens(tokenizer: Tokenizer) -> set[str]:
    return {token.content for token in tokenizer.get_added_tokens_decoder().values()}
