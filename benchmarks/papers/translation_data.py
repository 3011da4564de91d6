"""Sentences and their translations: read from files or generated, and split into subwords."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from coldpress.data import file_formats
from coldpress.data.rows import extract_texts
from coldpress.errors import InputError

Sentence = list[int]
"""Token ids."""

PAD, BOS, EOS = 0, 1, 2
SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>")
VOCABULARY = 4000
_NOUNS = {"dog": "Hund", "man": "Mann", "boy": "Junge", "bird": "Vogel", "baker": "Baecker"}
_VERBS = {"sees": "sieht", "hears": "hoert", "helps": "hilft", "finds": "findet"}
_TIMES = {"today": "heute", "often": "oft", "here": "hier", "again": "wieder"}


@dataclass(frozen=True)
class Texts:
    """Sentences of one language and their translations."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.sources)

    def take(self, count: int) -> Texts:
        """Return the first pairs."""
        return Texts(self.sources[:count], self.targets[:count])


@dataclass(frozen=True)
class Pairs:
    """The same as token ids."""

    sources: list[Sentence]
    targets: list[Sentence]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.sources)


@dataclass(frozen=True)
class Corpus:
    """The three splits of a dataset."""

    name: str
    train: Texts
    validation: Texts
    test: Texts

    @property
    def test_digest(self) -> str:
        """sha256 over the test pairs."""
        content = json.dumps([self.test.sources, self.test.targets])
        return hashlib.sha256(content.encode()).hexdigest()


def read_corpus(name: str, files: Sequence[Path], columns: tuple[str, str]) -> Corpus:
    """Read three files.

    Args:
        name: Name of the dataset.
        files: Train, validation and test.
        columns: Columns of the sentence and of its translation.

    Raises:
        InputError: A file, a column or a row is invalid.
    """
    train, validation, test = (_read(file, columns) for file in files)
    return Corpus(name, train, validation, test)


def generate_corpus() -> Corpus:
    """Generate sentences of a few words, so that the script can be checked in seconds."""
    pairs = [
        (f"the {a} {v} the {b} {t}", f"{_TIMES[t]} {_VERBS[v]} der {_NOUNS[a]} den {_NOUNS[b]}")
        for a in _NOUNS
        for v in _VERBS
        for b in _NOUNS
        for t in _TIMES
    ]
    pairs.sort(key=lambda pair: hashlib.sha256(pair[0].encode()).digest())
    parts = (pairs[:120], pairs[120:140], pairs[140:180])
    train, validation, test = (Texts(*zip(*part, strict=True)) for part in parts)
    return Corpus("made-up sentences", train, validation, test)


def train_tokenizer(texts: Texts) -> Tokenizer:
    """Train one byte-level BPE vocabulary for both languages."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*texts.sources, *texts.targets], trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Texts, max_tokens: int) -> Pairs:
    """Convert texts to token ids, at most `max_tokens` with start and end."""
    sources, targets = (
        [encoding.ids[: max_tokens - 2] for encoding in tokenizer.encode_batch(list(column))]
        for column in (texts.sources, texts.targets)
    )
    return Pairs(sources, targets)


def _read(file: Path, columns: tuple[str, str]) -> Texts:
    rows = file_formats.read_file(file, list(columns), "--data")
    sources, targets = (extract_texts(rows, column) for column in columns)
    if not sources:
        raise InputError(f"--data: {file} has no rows")
    return Texts(sources, targets)
