"""What a pretrained teacher's files must be before anything is trained on them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer

from coldpress.errors import InputError
from coldpress.teacher_config import check_config

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json")


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
    check_names([path.name for path in directory.iterdir()], place)
    config = read_object(directory / "config.json", place)
    check_config(config, place)
    check_tokenizer(directory, config, place)
    for name in _shards(directory, place):
        try:
            with safe_open(directory / name, framework="np"):
                pass
        except (OSError, ValueError, SafetensorError) as error:
            raise InputError(f"{place}: {name} cannot be read: {error}") from error


def check_names(names: Collection[str], place: str) -> None:
    """Check that a model has a configuration, weights that are no pickle, and a tokenizer.

    Args:
        names: Of the files in its directory or repository.
        place: How an error names the teacher.

    Raises:
        InputError: One of them is missing.
    """
    if "config.json" not in names:
        raise InputError(f"{place} is no model: it has no config.json")
    if not any(name in names for name in WEIGHTS):
        pickled = any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in names)
        instead = "only pickled ones, which are not read" if pickled else "no weights at all"
        raise InputError(f"{place} has no model.safetensors, {instead}")
    if not any(name in names for name in TOKENIZERS):
        raise InputError(f"{place} has no tokenizer: none of {', '.join(TOKENIZERS)}")


def check_tokenizer(directory: Path, config: Mapping[str, Any], place: str) -> None:
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


def read_object(path: Path, place: str) -> dict[str, Any]:
    """Read a JSON file.

    Args:
        path: The file.
        place: How an error names the teacher.

    Returns:
        Its content.

    Raises:
        InputError: It cannot be read or holds no object.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{place}: {path.name} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{place}: {path.name} holds no object")
    return content


def _shards(directory: Path, place: str) -> list[str]:
    single, index = (directory / name for name in WEIGHTS)
    if single.exists():
        return [single.name]
    shards = read_object(index, place).get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(s, str) for s in shards.values()):
        raise InputError(f"{place}: {index.name} has no weight_map from weights to files")
    return sorted(set(shards.values()))
