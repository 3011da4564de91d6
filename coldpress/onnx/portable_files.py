"""Files beside an exported model with which other runtimes load it.

Optimum, transformers.js and transformers' AutoTokenizer read them; `Predictor` does not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coldpress.model.classifier import Classifier
from coldpress.model.model_config import build_config, write_config
from coldpress.model.tokenizer_config import (
    TOKENIZER_CONFIG,
    build_tokenizer_config,
    find_mask_token,
    find_special_tokens,
)


def write_portable_files(classifier: Classifier, inputs: Sequence[str], directory: Path) -> None:
    """Write `config.json`, `tokenizer_config.json` and `special_tokens_map.json`.

    Args:
        classifier: The model that was exported.
        inputs: Names of the graph's inputs. A tokenizer returns no others, since a program that
            passes them by name would get an error.
        directory: Folder of `model.onnx` and `tokenizer.json`.
    """
    config = build_config(classifier)
    # Runtimes choose between softmax, sigmoid and the number itself by the problem type.
    config.problem_type = next(filter(None, classifier.kind.problem_types), None)
    tokenizer = classifier.tokenizer
    mask = find_mask_token(tokenizer, classifier.mask_token)
    special = find_special_tokens(tokenizer, mask)
    settings = {**build_tokenizer_config(tokenizer, mask, inputs, config), **special}
    if tokenizer.truncation:
        # Other runtimes ignore the limit in tokenizer.json and truncate at this one.
        settings["model_max_length"] = tokenizer.truncation["max_length"]
    write_config(config, directory / "config.json")
    _write_json(directory / TOKENIZER_CONFIG, settings)
    _write_json(directory / "special_tokens_map.json", special)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
