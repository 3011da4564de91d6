"""Load a pretrained teacher's tokenizer as transformers does, for a single tokenizer.json."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from coldpress.data.encoding import find_pad_id
from coldpress.errors import InputError
from coldpress.model.checkpoint import MANIFEST
from coldpress.model.tokenizer_config import TOKENIZER_CONFIG, find_mask_token, position_capacity
from coldpress.schema.text_files import read_json_object
from coldpress.teacher.config_checks import config_size
from coldpress.teacher.config_keys import FAMILY_DEFAULTS
from coldpress.teacher.tokenizer.single_segment import force_single_segment


@dataclass(frozen=True)
class TeacherTokenizer:
    """A teacher's tokenizer, and what it must agree with.

    Attributes:
        tokenizer: Contains every setting: truncation at `max_tokens`, padding, segment ids.
        mask: The mask token; empty if there is none.
        reference: The same tokenizer in transformers.
        rows: Rows of the token table.
        segments: Rows of the segment table; 0 if there is none.
        max_tokens: Longer texts are truncated to this length.
        dropped: Added tokens of `reference` that have no row in the token table.
        place: The teacher's name in error messages.
    """

    tokenizer: Tokenizer
    mask: str
    reference: Any
    rows: int
    segments: int
    max_tokens: int
    dropped: tuple[str, ...]
    place: str


def load_teacher_tokenizer(directory: Path, max_tokens: int, place: str) -> TeacherTokenizer:
    """Load the tokenizer of a pretrained teacher with all of its settings.

    Args:
        directory: The model's directory; the family in config.json is supported.
        max_tokens: Longer texts are truncated to this length, or to the model's own limit.
        place: The teacher's name in error messages.

    Returns:
        The tokenizer. Added tokens without a row in the token table are dropped: their names are
        tokenized as ordinary text.

    Raises:
        InputError: The tokenizer cannot be loaded, does not fit the model, or has a setting that
            a tokenizer.json cannot express.
    """
    config = read_json_object(directory / "config.json", place)
    reference = _read_reference(directory, config, place)
    rows = int(config["vocab_size"])
    _check_serializable(reference, place)
    _check_vocabulary(reference, rows, place)
    segments = _segment_rows(config)
    with convert_load_errors(place, "the tokenizer"):
        content = json.loads(reference.backend_tokenizer.to_str())
        added = content["added_tokens"]
        content["added_tokens"] = [token for token in added if token["id"] < rows]
        # The model has segments, but the tokenizer does not return segment ids: all are 0.
        if segments > 1 and "token_type_ids" not in reference.model_input_names:
            content["post_processor"] = force_single_segment(content["post_processor"])
        tokenizer = Tokenizer.from_str(json.dumps(content))
    _set_padding(tokenizer, _padding_id(config, reference))
    limit = min(max_tokens, _position_limit(config, tokenizer), _tokenizer_limit(reference, place))
    tokenizer.enable_truncation(limit, direction=reference.truncation_side)
    dropped = tuple(token["content"] for token in added if token["id"] >= rows)
    mask = find_mask_token(tokenizer, reference.mask_token)
    return TeacherTokenizer(tokenizer, mask, reference, rows, segments, limit, dropped, place)


def _read_reference(directory: Path, config: Mapping[str, Any], place: str) -> Any:  # noqa: ANN401
    with convert_load_errors(place, "the tokenizer"):
        reference = _read_tokenizer(directory, config)
    backend = getattr(reference, "backend_tokenizer", None)
    if backend is not None and hasattr(backend.model, "dropout"):
        # BPE dropout would tokenize the same text in random ways.
        backend.model.dropout = None
    return reference


def _read_tokenizer(directory: Path, config: Mapping[str, Any]) -> Any:  # noqa: ANN401
    from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerFast

    if (directory / MANIFEST).exists() and not (directory / TOKENIZER_CONFIG).exists():
        # Checkpoints of early versions of Coldpress have no tokenizer_config.json.
        build: Any = PreTrainedTokenizerFast
        inputs = ["input_ids", "token_type_ids", "attention_mask"]
        return build(tokenizer_file=str(directory / "tokenizer.json"), model_input_names=inputs)
    # transformers may refuse the rest of config.json, which the tokenizer does not need.
    family: Any = AutoConfig.for_model(config["model_type"])
    family.tokenizer_class = config.get("tokenizer_class")
    return AutoTokenizer.from_pretrained(
        str(directory), config=family, local_files_only=True, trust_remote_code=False
    )


@contextmanager
def convert_load_errors(place: str, item: str) -> Iterator[None]:
    """Convert every exception of transformers to an InputError, and hide its warnings.

    Args:
        place: The teacher's name in error messages.
        item: The item that is loaded, such as "the tokenizer".

    Raises:
        InputError: The item cannot be loaded.
    """
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    except Exception as error:  # arbitrary files raise arbitrary exceptions
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(f"{place}: {item} cannot be loaded: {reason}") from error
    finally:
        logger.setLevel(level)


def _check_serializable(reference: Any, place: str) -> None:  # noqa: ANN401
    """Refuse settings that a tokenizer.json cannot express."""
    if getattr(reference, "backend_tokenizer", None) is None:
        raise InputError(
            f"{place}: the tokenizer class {type(reference).__name__} is written in Python and"
            " cannot be stored in a tokenizer.json; take a model with a fast tokenizer"
        )
    if reference.split_special_tokens and reference.all_special_tokens:
        raise InputError(
            f"{place}: split_special_tokens is true, which a tokenizer.json cannot express;"
            " set it to false in tokenizer_config.json"
        )


def _check_vocabulary(reference: Any, rows: int, place: str) -> None:  # noqa: ANN401
    vocabulary = reference.backend_tokenizer.get_vocab(with_added_tokens=False)
    vocabulary.pop("", None)  # an empty line in vocab.txt; no text contains it
    if not vocabulary:
        raise InputError(f"{place}: the tokenizer has no tokens")
    token, token_id = max(vocabulary.items(), key=lambda item: item[1])
    if token_id >= rows:
        raise InputError(
            f"{place}: the token {token!r} has the id {token_id}, but vocab_size is {rows}"
        )


def _segment_rows(config: Mapping[str, Any]) -> int:
    has_segments = "type_vocab_size" in FAMILY_DEFAULTS[config["model_type"]]
    return config_size(config, "type_vocab_size") if has_segments else 0


def _position_limit(config: Mapping[str, Any], tokenizer: Tokenizer) -> int:
    rows = config_size(config, "max_position_embeddings")
    return position_capacity(config["model_type"], rows, find_pad_id(tokenizer))


def _tokenizer_limit(reference: Any, place: str) -> int:  # noqa: ANN401
    limit = reference.model_max_length
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit >= 1:
        raise InputError(f"{place}: model_max_length is {limit!r}, not a positive whole number")
    return int(min(limit, sys.maxsize))


def _padding_id(config: Mapping[str, Any], reference: Any) -> int:  # noqa: ANN401
    """Return the padding id of the model, or that of the tokenizer if the model has none."""
    family = config["model_type"]
    padding = config.get("pad_token_id", FAMILY_DEFAULTS[family]["pad_token_id"])
    if padding is None:
        padding = reference.pad_token_id
        return int(padding) if padding is not None and padding < config["vocab_size"] else 0
    return int(padding)


def _set_padding(tokenizer: Tokenizer, padding: int) -> None:
    tokenizer.no_padding()
    # Without a change the file stays the same, and so does its digest.
    if find_pad_id(tokenizer) != padding:
        added = tokenizer.get_added_tokens_decoder().get(padding)
        # transformers cuts the padding token out of texts, so it must not be an ordinary token.
        name = added.content if added else "[PAD]"
        tokenizer.enable_padding(pad_id=padding, pad_token=name)
