"""A pretrained teacher's tokenizer: the one that transformers loads, as a single tokenizer.json."""

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
from coldpress.model.tokenizer_config import TOKENIZER_CONFIG, find_mask_token, position_capacity
from coldpress.schema.text_files import read_json_object
from coldpress.teacher.config_checks import config_size
from coldpress.teacher.config_keys import FAMILY_DEFAULTS
from coldpress.teacher.tokenizer.single_segment import force_single_segment

_MANIFEST = "coldpress.json"


@dataclass(frozen=True)
class TeacherTokenizer:
    """A teacher's tokenizer, and what it has to agree with.

    Attributes:
        tokenizer: Has every setting in itself: truncation at `max_tokens`, padding, segment ids.
        mask: Name of its mask token; empty where it has none.
        reference: The same tokenizer in transformers.
        rows: Rows of the token table.
        segments: Rows of the segment table; 0 where there is none.
        max_tokens: Longer texts are cut here.
        dropped: Added tokens that transformers would read and the token table has no row for.
        place: How an error names the teacher.
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
        directory: Its files; the family in config.json is a supported one.
        max_tokens: Longer texts are cut here, or at the model's own limit.
        place: How an error names the teacher.

    Returns:
        The tokenizer. An added token without a row in the token table, which no model could
        answer, is left out: a text that holds its name is read as any other text.

    Raises:
        InputError: It cannot be loaded, is not one for this model, or has a setting that no
            tokenizer.json expresses.
    """
    config = read_json_object(directory / "config.json", place)
    reference = _read_reference(directory, config, place)
    rows = int(config["vocab_size"])
    _check_serializable(reference, place)
    _check_vocabulary(reference, rows, place)
    segments = _segment_rows(config)
    with convert_load_errors(place, "the tokenizer"):
        described = json.loads(reference.backend_tokenizer.to_str())
        added = described["added_tokens"]
        described["added_tokens"] = [token for token in added if token["id"] < rows]
        # A list of inputs without segment ids asks for a model that sees one segment alone.
        if segments > 1 and "token_type_ids" not in reference.model_input_names:
            described["post_processor"] = force_single_segment(described["post_processor"])
        tokenizer = Tokenizer.from_str(json.dumps(described))
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
        # It is meant for training on several readings of a text: here one text has one answer.
        backend.model.dropout = None
    return reference


def _read_tokenizer(directory: Path, config: Mapping[str, Any]) -> Any:  # noqa: ANN401
    from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerFast

    described = (directory / TOKENIZER_CONFIG).exists()
    if (directory / _MANIFEST).exists() and not described:
        # A checkpoint of Coldpress from before it described its tokenizers to transformers.
        build: Any = PreTrainedTokenizerFast
        inputs = ["input_ids", "token_type_ids", "attention_mask"]
        return build(tokenizer_file=str(directory / "tokenizer.json"), model_input_names=inputs)
    # The rest of config.json is no matter of the tokenizer's, and may be what transformers refuses.
    family: Any = AutoConfig.for_model(config["model_type"])
    family.tokenizer_class = config.get("tokenizer_class")
    return AutoTokenizer.from_pretrained(
        str(directory), config=family, local_files_only=True, trust_remote_code=False
    )


@contextmanager
def convert_load_errors(place: str, what: str) -> Iterator[None]:
    """Turn whatever transformers raises over a teacher's files into one line.

    Args:
        place: How an error names the teacher.
        what: That is loaded.

    Yields:
        Nothing; warnings are kept off the screen.

    Raises:
        InputError: It could not be loaded.
    """
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    except Exception as error:  # a file of any content makes any exception
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(f"{place}: {what} cannot be loaded: {reason}") from error
    finally:
        logger.setLevel(level)


def _check_serializable(reference: Any, place: str) -> None:  # noqa: ANN401
    """Refuse what is no part of a tokenizer.json."""
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
    vocabulary.pop("", None)  # of an empty line: no text has it
    if not vocabulary:
        raise InputError(f"{place}: the tokenizer has no tokens")
    token, at = max(vocabulary.items(), key=lambda item: item[1])
    if at >= rows:
        raise InputError(f"{place}: the token {token!r} has the id {at}, but vocab_size is {rows}")


def _segment_rows(config: Mapping[str, Any]) -> int:
    known = "type_vocab_size" in FAMILY_DEFAULTS[config["model_type"]]
    return config_size(config, "type_vocab_size") if known else 0


def _position_limit(config: Mapping[str, Any], tokenizer: Tokenizer) -> int:
    rows = config_size(config, "max_position_embeddings")
    return position_capacity(config["model_type"], rows, find_pad_id(tokenizer))


def _tokenizer_limit(reference: Any, place: str) -> int:  # noqa: ANN401
    limit = reference.model_max_length
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit >= 1:
        raise InputError(f"{place}: model_max_length is {limit!r}, not a positive whole number")
    return int(min(limit, sys.maxsize))


def _padding_id(config: Mapping[str, Any], reference: Any) -> int:  # noqa: ANN401
    """Choose what fills the shorter rows of a batch: what the model takes for padding."""
    family = config["model_type"]
    padding = config.get("pad_token_id", FAMILY_DEFAULTS[family]["pad_token_id"])
    if padding is None:
        own = reference.pad_token_id
        return int(own) if own is not None and own < config["vocab_size"] else 0
    return int(padding)


def _set_padding(tokenizer: Tokenizer, padding: int) -> None:
    tokenizer.no_padding()
    # Where the usual names tell the same, the file stays as it always was, and so does its digest.
    if find_pad_id(tokenizer) != padding:
        added = tokenizer.get_added_tokens_decoder().get(padding)
        # transformers cuts the name out of texts: that of an ordinary token must not be given.
        name = added.content if added else "[PAD]"
        tokenizer.enable_padding(pad_id=padding, pad_token=name)
