"""A tiny recipe for each task kind, and new rows for its model."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coldpress.data.synthetic_search import generate_search
from coldpress.recipe.loading import load_recipe
from coldpress.schema.stages import Stage
from tests.support.command import Coldpress, new_home
from tests.support.json_lines import write_jsonl

RECIPE = """
name: tiny
benchmark:
  kind: KIND
  source: {origin: synthetic, train_examples: 240, test_examples: 120}
teacher:
  model: {origin: scratch, layers: 2, hidden_size: 32, heads: 4, neurons: 64, vocabulary_size: 500}
  epochs: 2
  learning_rate: 5.0e-3
  freeze_embeddings: false
distill: {method: logits, student: {layers: 1}, epochs: 1, learning_rate: 5.0e-3}
prune: [{method: neurons, keep_neurons: 0.5}]
quantize: {method: dynamic-int8}
evaluate: {latency: {rounds: 60}}
gate: {max_drop: 1.0}
"""
_FILES = """source: {origin: files, train: train.jsonl, test: test.jsonl}
  columns: {text: text, target: heat}"""
_FOREIGN_WORDS = ("okapi", "ibex", "quagga", "zebu", "gnu")


@dataclass(frozen=True)
class TinyKind:
    """A task kind, with what differs between kinds.

    Attributes:
        name: Value of `benchmark.kind`.
        killed_in: The stage in which its first run is killed: another one for each kind.
        answer: Keys of a prediction.
        row: Columns of a row that is sent to a server.
    """

    name: str
    killed_in: Stage
    answer: frozenset[str]
    row: Mapping[str, str]


_TEXT = {"text": "where is my order"}
_PAIR = {**_TEXT, "text_pair": "the parcel has not arrived"}
KINDS = (
    TinyKind(
        "text-classification",
        "train_teacher",
        frozenset({"text", "label", "score", "scores"}),
        _TEXT,
    ),
    TinyKind("regression", "evaluate", frozenset({"text", "score"}), _TEXT),
    TinyKind("multi-label", "export_onnx", frozenset({"text", "labels", "scores"}), _TEXT),
    TinyKind("ranking", "distill_student", frozenset({"text", "score"}), _PAIR),
    TinyKind("token-classification", "quantize", frozenset({"text", "entities"}), _TEXT),
    TinyKind("sentence-embedding", "prune", frozenset({"text", "vector"}), _TEXT),
)


def kind_home(path: Path, kind: str, servers: Mapping[str, str]) -> Coldpress:
    """Make a working directory with the recipe of a task kind and the files that it names."""
    recipe = RECIPE.replace("KIND", kind)
    if kind == "sentence-embedding":  # texts without targets train no teacher
        recipe = recipe.replace("epochs: 2", "epochs: 0")
    if kind == "regression":  # it has no built-in dataset
        source = next(line for line in recipe.splitlines() if "synthetic" in line)
        recipe = recipe.replace(source.strip(), _FILES)
    coldpress = new_home(path, recipe, servers)
    if kind == "regression":
        write_jsonl(path / "train.jsonl", _rows_with_heat("train", 240))
        write_jsonl(path / "test.jsonl", _rows_with_heat("test", 120))
    return coldpress


def similar_rows(coldpress: Coldpress, kind: str) -> list[dict[str, Any]]:
    """Return new rows from where the test rows of a home are from, with their targets."""
    if kind == "regression":
        return _rows_with_heat("new", 120)
    if kind == "sentence-embedding":
        return [{"text": query} for query in generate_search(120, "new").queries]
    columns = load_recipe(str(coldpress.home / "tiny.yaml")).benchmark.columns
    values = columns.generate_rows(120, "new")
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def foreign_rows(coldpress: Coldpress) -> list[dict[str, Any]]:
    """Return new rows of other and of more words than the test rows of a home, without targets."""
    numbers = random.Random("foreign")
    columns = load_recipe(str(coldpress.home / "tiny.yaml")).benchmark.columns
    rows = []
    for _ in range(60):
        words = numbers.choices(_FOREIGN_WORDS, k=30)
        rows.append({c: words if c == "tokens" else " ".join(words) for c in columns.texts})
    return rows


def _rows_with_heat(seed: str, count: int) -> list[dict[str, Any]]:
    """Return texts with the number of their warm words."""
    numbers = random.Random(seed)
    texts = [numbers.choices(("warm", "cold", "olive", "stone"), k=8) for _ in range(count)]
    return [{"text": " ".join(words), "heat": words.count("warm")} for words in texts]
