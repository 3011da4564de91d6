"""Teachers' directories as transformers would have written them, with settings of any kind."""

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
    """A directory that is to be written.

    Attributes:
        family: Of the model.
        tokenizer: What tokenizer.json holds.
        settings: What tokenizer_config.json holds.
        special: Padding, unknown, first, last and mask token.
        rows: Of the token table.
        sizes: More of config.json.
        files: Written instead of tokenizer.json, where there are any.
        refusable: Whether there is a reason to refuse it.
        untyped: Whether tokenizer.json leaves the kind of its model out.
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
            described = json.loads(self.tokenizer.to_str())
            if self.untyped:
                del described["model"]["type"]
            (directory / "tokenizer.json").write_text(json.dumps(described))
        settings = json.dumps(self.settings, ensure_ascii=False)
        (directory / "tokenizer_config.json").write_text(settings, encoding="utf-8")
        config = AutoConfig.for_model(self.family, **self.sizes, vocab_size=self.rows)
        config.id2label = dict(enumerate(LABELS))
        config.tokenizer_class = self.class_of_model
        torch.manual_seed(0)
        build: Any = AutoModelForSequenceClassification.from_config
        build(config).save_pretrained(directory)


def texts(seed: int, count: int, special: Sequence[str]) -> tuple[str, ...]:
    """Make texts of words, characters of any script, names of tokens and odd texts."""
    draw = random.Random(seed)
    words = [word for text in CORPUS for word in text.split()]
    sources: Sequence[Callable[[], str]] = (
        lambda: draw.choice(words),
        lambda: draw.choice(words).upper(),
        lambda: draw.choice(PROBE_TEXTS)[:200],
        lambda: draw.choice((*ADDED, *special)),
        lambda: "".join(draw.choice("abcéÉñ漢字 .,!-'\u0301\u00a0\t😀") for _ in range(5)),
        lambda: "".join(map(chr, (draw.randrange(0x20, 0xD800) for _ in range(4)))),
    )
    joints = (" ", "", "  ")
    return tuple(
        draw.choice(joints).join(draw.choice(sources)() for _ in range(draw.randrange(12)))
        for _ in range(count)
    )
