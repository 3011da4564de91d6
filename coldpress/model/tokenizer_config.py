"""The tokenizer_config.json of a checkpoint, and the mask token."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from coldpress.data.encoding import find_pad_id
from coldpress.model.architecture import find_architecture
from coldpress.schema.text_files import read_json_object

TOKENIZER_CONFIG = "tokenizer_config.json"
COMMON_MASK_TOKENS = ("[MASK]", "<mask>")
"""Mask tokens to look for if no configuration names one."""


def build_tokenizer_config(
    tokenizer: Tokenizer,
    mask: str,
    inputs: Sequence[str],
    config: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Build the tokenizer_config.json that makes transformers use tokenizer.json unchanged.

    Without it, transformers rebuilds the tokenizer from the vocabulary by the model's family.

    Args:
        tokenizer: The tokenizer in tokenizer.json.
        mask: Its mask token, or an empty string.
        inputs: Names of the inputs that the model accepts.
        config: The model's transformers configuration.

    Returns:
        The content of a tokenizer_config.json.
    """
    padding = config.pad_token_id or 0
    rows = config.max_position_embeddings
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": list(inputs),
        "model_max_length": position_capacity(config.model_type, rows, padding),
        **_pad_and_mask(tokenizer, mask),
    }


def find_special_tokens(tokenizer: Tokenizer, mask: str) -> dict[str, str]:
    """Find the special tokens of a tokenizer, by the names of their roles in transformers.

    Args:
        tokenizer: The tokenizer to search.
        mask: Its mask token, or an empty string.

    Returns:
        Tokens by role, such as `cls_token`. Roles without a special token are left out.
    """
    around = tokenizer.encode("").tokens
    first, last = around if len(around) == 2 else ("", "")
    unknown = getattr(tokenizer.model, "unk_token", None)
    roles = {"unk_token": unknown, "cls_token": first, "sep_token": last}
    added = tokenizer.get_added_tokens_decoder().values()
    special = {token.content for token in added if token.special}
    found = {role: token for role, token in roles.items() if token in special}
    return found | _pad_and_mask(tokenizer, mask)


def _pad_and_mask(tokenizer: Tokenizer, mask: str) -> dict[str, str]:
    special = {"pad_token": tokenizer.id_to_token(find_pad_id(tokenizer)), "mask_token": mask}
    # transformers makes every token that is named here a special one, and cuts it out of texts.
    added = _added_tokens(tokenizer)
    return {role: token for role, token in special.items() if token in added}


def position_capacity(family: str, rows: int, padding: int) -> int:
    """Return the largest number of tokens that a position table supports.

    Args:
        family: The model's family.
        rows: Rows of the position table.
        padding: Id of the padding token.

    Returns:
        The maximum number of tokens in a text.
    """
    return rows - (
        padding + 1 if find_architecture(family).embeddings.positions_from_padding else 0
    )


def read_mask_token(directory: Path, tokenizer: Tokenizer) -> str:
    """Read the mask token of a checkpoint's tokenizer.

    Args:
        directory: The checkpoint's directory. Checkpoints of early versions of Coldpress have no
            tokenizer_config.json.
        tokenizer: The checkpoint's tokenizer.

    Returns:
        The mask token; empty if there is none.
    """
    file = directory / TOKENIZER_CONFIG
    configured = None
    if file.exists():
        configured = read_json_object(file, str(directory)).get("mask_token")
    return find_mask_token(tokenizer, configured)


def find_mask_token(tokenizer: Tokenizer, configured: str | None) -> str:
    """Find a tokenizer's mask token.

    Args:
        tokenizer: The tokenizer to search.
        configured: The mask token in the tokenizer's configuration, if any.

    Returns:
        The configured token, or a common one; empty if the tokenizer has neither.
    """
    # The tokenizer may split a name that is not an added token into several pieces.
    added = _added_tokens(tokenizer)
    candidates = (configured, *COMMON_MASK_TOKENS)
    return next((name for name in candidates if name is not None and name in added), "")


def _added_tokens(tokenizer: Tokenizer) -> set[str]:
    return {token.content for token in tokenizer.get_added_tokens_decoder().values()}
