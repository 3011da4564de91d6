"""What a pretrained teacher's files must be before anything is trained on them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from coldpress.errors import InputError
from coldpress.model.weight_headers import WEIGHT_FILES, list_weight_files
from coldpress.schema.text_files import read_json_object, read_text, reject_lfs_pointers
from coldpress.teacher.config_checks import check_config
from coldpress.teacher.weight_checks import check_weights

MAIN_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json")
# transformers may load another version of tokenizer.json that its configuration names.
_JSON_PATTERNS = ("tokenizer*.json", "vocab.json", "special_tokens_map.json", "added_tokens.json")
_TEXT_FILES = ("vocab.txt", "merges.txt")
_BINARY_PATTERNS = ("*.model",)
TOKENIZER_PATTERNS = ("config.json", *_JSON_PATTERNS, *_TEXT_FILES, *_BINARY_PATTERNS)
"""Patterns of the files that a tokenizer is loaded from; config.json names its family."""
MODEL_PATTERNS = (*TOKENIZER_PATTERNS, *WEIGHT_FILES)
"""Patterns of the files that a model is loaded from, but for the shards that an index names."""

# In place of model.safetensors transformers would load these.
_DISTRIBUTED_SHARD = re.compile(r"shard-\d{5}-model-\d{5}-of-\d{5}\.safetensors")


def check_directory(directory: Path, place: str) -> None:
    """Check a model's directory without reading its weights.

    Args:
        directory: Where it should be.
        place: How an error names the teacher.

    Raises:
        InputError: It is no encoder that Coldpress can read.
    """
    if not directory.is_dir():
        raise InputError(f"{place}: no such directory")
    try:
        names = [path.name for path in directory.iterdir()]
    except OSError as error:
        raise InputError(f"{place} cannot be read: {error.strerror}") from error
    check_file_names(names, place)
    config = read_json_object(directory / "config.json", place)
    check_config(config, place)
    _check_readable(directory, place)
    check_tokenizer_file(directory, config, place)
    check_weights(directory, config, place)


def list_model_files(directory: Path, place: str) -> list[str]:
    """List the files that a model is loaded from.

    Args:
        directory: Of the model.
        place: How an error names the teacher.

    Returns:
        Sorted paths inside of it: configuration, tokenizer, and every shard that the index names.

    Raises:
        InputError: There is an index of shards that cannot be read.
    """
    named = {path.name for pattern in MODEL_PATTERNS for path in directory.glob(pattern)}
    shards = list_weight_files(directory, place) if named & set(WEIGHT_FILES) else []
    return sorted({*named, *shards})


def check_file_names(names: Collection[str], place: str) -> None:
    """Check that a model has a configuration, weights that are no pickle, and a tokenizer.

    Args:
        names: Of the files in its directory or repository.
        place: How an error names the teacher.

    Raises:
        InputError: One of them is missing.
    """
    if "config.json" not in names:
        raise InputError(f"{place} is no model: it has no config.json")
    if not any(name in names for name in WEIGHT_FILES):
        pickled = any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in names)
        instead = "only pickled ones, which are not read" if pickled else "no weights at all"
        raise InputError(f"{place} has no model.safetensors, {instead}")
    if not any(name in names for name in MAIN_TOKENIZER_FILES):
        raise InputError(f"{place} has no tokenizer: none of {', '.join(MAIN_TOKENIZER_FILES)}")
    if "adapter_config.json" in names:
        raise InputError(f"{place} has an adapter, which is not read: merge it into the weights")
    if any(_DISTRIBUTED_SHARD.fullmatch(name) for name in names):
        raise InputError(f"{place} has shards of distributed training: save it with one index")


def check_tokenizer_file(directory: Path, config: Mapping[str, Any], place: str) -> None:
    """Check that a teacher's tokenizer loads, and names no tokens that the teacher has not.

    Args:
        directory: Holds tokenizer.json, or other files that one can be made of.
        config: The checked content of config.json.
        place: How an error names the teacher.

    Raises:
        InputError: There is a tokenizer.json, and it is none or another model's.
    """
    file = directory / "tokenizer.json"
    if not file.exists():
        return
    tokenizer = read_tokenizer(file, place)
    # Tokens that were added later may lie beyond the table: published models have some unused.
    tokens, rows = tokenizer.get_vocab(with_added_tokens=False), config["vocab_size"]
    beyond = max(tokens.values(), default=0)
    if beyond >= rows:
        raise InputError(f"{place}: {file.name} has a token {beyond}, but vocab_size is {rows}")


def read_tokenizer(file: Path, place: str) -> Tokenizer:
    """Read a tokenizer.

    Args:
        file: A tokenizer.json.
        place: How an error names the teacher.

    Returns:
        The tokenizer.

    Raises:
        InputError: It cannot be read, or holds none.
    """
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"{place}: {file.name} cannot be read: {error}") from error


def _check_readable(directory: Path, place: str) -> None:
    for path in sorted({path for pattern in _JSON_PATTERNS for path in directory.glob(pattern)}):
        read_json_object(path, place)
    for name in _TEXT_FILES:
        if (directory / name).exists():
            read_text(directory / name, place)
    reject_lfs_pointers(
        [path for pattern in _BINARY_PATTERNS for path in directory.glob(pattern)], place
    )
