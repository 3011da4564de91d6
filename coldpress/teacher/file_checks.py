"""Check the files of a pretrained teacher."""

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
# tokenizer_config.json may make transformers load another version of tokenizer.json.
_JSON_PATTERNS = ("tokenizer*.json", "vocab.json", "special_tokens_map.json", "added_tokens.json")
_TEXT_FILES = ("vocab.txt", "merges.txt")
_BINARY_PATTERNS = ("*.model",)
TOKENIZER_PATTERNS = ("config.json", *_JSON_PATTERNS, *_TEXT_FILES, *_BINARY_PATTERNS)
"""Files that a tokenizer is loaded from; config.json because it names the family."""
MODEL_PATTERNS = (*TOKENIZER_PATTERNS, *WEIGHT_FILES)
"""Files that a model is loaded from, except the shards named in an index."""

# transformers prefers these files to model.safetensors.
_DISTRIBUTED_SHARD = re.compile(r"shard-\d{5}-model-\d{5}-of-\d{5}\.safetensors")


def check_directory(directory: Path, place: str) -> None:
    """Check a model's directory without loading the model.

    Args:
        directory: The model's directory.
        place: The teacher's name in error messages.

    Raises:
        InputError: The directory does not exist, or holds no encoder that Coldpress supports.
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
        directory: The model's directory.
        place: The teacher's name in error messages.

    Returns:
        Sorted paths relative to the directory: configuration, tokenizer, and all weight files.

    Raises:
        InputError: The index of shards cannot be read.
    """
    names = {path.name for pattern in MODEL_PATTERNS for path in directory.glob(pattern)}
    weights = list_weight_files(directory, place) if names & set(WEIGHT_FILES) else []
    return sorted({*names, *weights})


def check_file_names(names: Collection[str], place: str) -> None:
    """Check that a model has a configuration, safetensors weights and a tokenizer.

    Args:
        names: Names of the files in the model's directory or repository.
        place: The teacher's name in error messages.

    Raises:
        InputError: One of them is missing, or the weights are not complete in themselves.
    """
    if "config.json" not in names:
        raise InputError(f"{place} is not a model: it has no config.json")
    if not any(name in names for name in WEIGHT_FILES):
        pickled = any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in names)
        weights = (
            ", only pickled weights, which are not supported"
            if pickled
            else " and no index of shards"
        )
        raise InputError(f"{place} has no model.safetensors{weights}")
    if not any(name in names for name in MAIN_TOKENIZER_FILES):
        files = ", ".join(MAIN_TOKENIZER_FILES)
        raise InputError(f"{place} has no tokenizer: it needs one of {files}")
    if "adapter_config.json" in names:
        raise InputError(
            f"{place} has an adapter, which is not supported: merge it into the weights"
        )
    if any(_DISTRIBUTED_SHARD.fullmatch(name) for name in names):
        raise InputError(f"{place} has distributed training shards: save it with a single index")


def check_tokenizer_file(directory: Path, config: Mapping[str, Any], place: str) -> None:
    """Check that tokenizer.json, if it exists, loads and fits the token table.

    Args:
        directory: The model's directory.
        config: The checked content of config.json.
        place: The teacher's name in error messages.

    Raises:
        InputError: tokenizer.json is invalid, or has more tokens than the token table has rows.
    """
    file = directory / "tokenizer.json"
    if not file.exists():
        return
    tokenizer = read_tokenizer(file, place)
    # Published models have unused added tokens with ids beyond the table, which is fine.
    ids = tokenizer.get_vocab(with_added_tokens=False).values()
    rows = config["vocab_size"]
    largest = max(ids, default=0)
    if largest >= rows:
        raise InputError(
            f"{place}: {file.name} has the token id {largest}, but vocab_size is {rows}"
        )


def read_tokenizer(file: Path, place: str) -> Tokenizer:
    """Read a tokenizer.json.

    Args:
        file: The tokenizer.json.
        place: The teacher's name in error messages.

    Returns:
        The tokenizer.

    Raises:
        InputError: The file cannot be read or is invalid.
    """
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library has no narrower exception
        raise InputError(f"{place}: {file.name} cannot be read: {error}") from error


def _check_readable(directory: Path, place: str) -> None:
    """Check that the tokenizer's files can be read and are not Git LFS pointers."""
    for path in sorted({path for pattern in _JSON_PATTERNS for path in directory.glob(pattern)}):
        read_json_object(path, place)
    for name in _TEXT_FILES:
        if (directory / name).exists():
            read_text(directory / name, place)
    reject_lfs_pointers(
        [path for pattern in _BINARY_PATTERNS for path in directory.glob(pattern)], place
    )
