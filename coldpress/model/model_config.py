"""The transformers configuration that describes a classifier in its files."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from coldpress.model.classifier import Classifier


def build_config(classifier: Classifier) -> Any:  # noqa: ANN401
    """Build the configuration of a classifier's files: its class, labels and problem type.

    Args:
        classifier: Its own configuration does not change.

    Returns:
        A transformers configuration that is equal for equal models, wherever they came from.
    """
    config = copy.deepcopy(classifier.config)
    # The pretrained value may name an encoder without an output head.
    config.architectures = [_class_name(classifier)]
    config.id2label = dict(enumerate(classifier.labels))
    config.label2id = {name: i for i, name in enumerate(classifier.labels)}
    problem_types = classifier.kind.problem_types
    if config.problem_type is None or config.problem_type not in problem_types:
        config.problem_type = problem_types[0]
    return config


def write_config(config: Any, path: Path) -> None:  # noqa: ANN401
    """Write a configuration with all values, also those that are defaults of transformers.

    Args:
        config: A transformers configuration.
        path: The file `config.json`.
    """
    values = config.to_dict()
    # A version or a path in a digested file would give equal models different digests.
    for name in ("transformers_version", "_name_or_path"):
        values.pop(name, None)
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _class_name(classifier: Classifier) -> str:
    """Return the class of transformers that reads the weights."""
    # transformers has no class for an encoder with a sentence head, but one for its encoder.
    sentence = classifier.has_sentence_head
    return type(classifier.encoder if sentence else classifier.module).__name__
