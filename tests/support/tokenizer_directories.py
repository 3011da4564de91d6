"""Directories of teachers as transformers writes them, with arbitrary settings."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForSequenceClassification

from coldpress.teacher.tokenizer.probe_texts import PROBE_TEXTS

LABELS = ("cold", "hot", "warm")
CORPUS = (
    "the press makes a small model of a large one and keeps what it knows",
    "The Press KEEPS olive oil cold, café au lait warm, naïve façades too",
    "new york, new jersey: 12 miles, 3.5 hours; don't stop (really) 漢字 日本",
)
ADDED = ("[URL]", "<user>", "new york", "É", "press oil")


@dataclass
class Teacher:
    """Contents of a teacher's directory.

    Attributes:
        family: Family of the model.
        tokenizer: Content of tokenizer.json.
        settings: Content of tokenizer_config.json.
        special: Padding, unknown, first, last and mask token.
        rows: Rows of the token embedding table.
        sizes: Further fields of config.json.
        files: Files to write instead of tokenizer.json, by name.
        refusable: Whether Coldpress may refuse the teacher.
        untyped: Whether tokenizer.json lacks the type of its model.
        class_of_model: The tokenizer's class in config.json.
    """

    family: str
    tokenizer: Tokenizer
    settings: dict[str, Any]
    special: tuple[str, ...]
    rows: int
    sizes: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    refusable: bool = False
    untyped: bool = False
    class_of_model: str | None = None

    def write(self, directory: Path) -> None:
        """Write configuration, weights and tokenizer."""
        directory.mkdir(parents=True)
        for name, content in self.files.items():
            (directory / name).write_text(content, encoding="utf-8")
        if not {"vocab.txt", "vocab.json"} & self.files.keys():
            content = json.loads(self.tokenizer.to_str())
            if self.untyped:
                del content["model"]["type"]
            (directory / "tokenizer.json").write_text(json.dumps(content))
        settings = json.dumps(self.settings, ensure_ascii=False)
        (directory / "tokenizer_config.json").write_text(settings, encoding="utf-8")
        config = AutoConfig.for_model(self.family, **self.sizes, vocab_size=self.rows)
        config.id2label = dict(enumerate(LABELS))
        config.tokenizer_class = self.class_of_model
        torch.manual_seed(0)
        build: Any = AutoModelForSequenceClassification.from_config
        build(config).save_pretrained(directory)


def texts(seed: int, count: int, special: Sequence[str]) -> tuple[str, ...]:
    """Generate texts of words, characters of any script, token names and probe texts."""
    rng = random.Random(seed)
    words = [word for text in CORPUS for word in text.split()]
    sources: Sequence[Callable[[], str]] = (
        lambda: rng.choice(words),
        lambda: rng.choice(words).upper(),
        lambda: rng.choice(PROBE_TEXTS)[:200],
        lambda: rng.choice((*ADDED, *special)),
        lambda: "".join(rng.choice("abcéÉñ漢字 .,!-'\u0301\u00a0\t😀") for _ in range(5)),
        lambda: "".join(map(chr, (rng.randrange(0x20, 0xD800) for _ in range(4)))),
    )
    joints = (" ", "", "  ")
    return tuple(
        rng.choice(joints).join(rng.choice(sources)() for _ in range(rng.randrange(12)))
        for _ in range(count)
    )
