"""A teacher of few labels answers unlabelled texts, which train the student."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from coldpress.data.synthetic import generate
from coldpress.teacher.tokenizer.wordpiece import train_wordpiece
from tests.support.command import new_home
from tests.support.json_lines import write_jsonl

RECIPE = """
name: tiny
benchmark:
  kind: text-classification
  source: {origin: files, train: train.jsonl, validation: validation.jsonl, test: test.jsonl}
teacher:
  model: ./encoder
  fit: contrastive
  pairs: 4
  epochs: 1
  learning_rate: 1.0e-3
  freeze_embeddings: false
soft_targets: {unlabelled: pool.jsonl}
distill: {method: logits, student: {layers: 1}, epochs: 2, learning_rate: 1.0e-3}
quantize: {method: dynamic-int8}
evaluate: {latency: {rounds: 60}}
gate: {max_drop: 1.0}
"""


def save_encoder(directory: Path) -> None:
    """Save a random BERT without a head, and its tokenizer."""
    tokenizer = train_wordpiece([text for text, _ in generate(400, "words")], 500)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    model: Any = BertModel
    model(config).save_pretrained(directory)
    fast: Any = PreTrainedTokenizerFast
    special = {
        f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")
    }
    fast(tokenizer_object=tokenizer, model_max_length=64, **special).save_pretrained(directory)


def test_few_labels_and_a_pool_of_texts_train_a_student(
    tmp_path: Path, shared_server: Mapping[str, str]
) -> None:
    coldpress = new_home(tmp_path, RECIPE, shared_server)
    save_encoder(tmp_path / "encoder")
    for split, count in (("train", 80), ("validation", 60), ("test", 60)):
        rows = [{"text": text, "label": label} for text, label in generate(count, split)]
        write_jsonl(tmp_path / f"{split}.jsonl", rows)
    write_jsonl(tmp_path / "pool.jsonl", [{"text": text} for text, _ in generate(120, "pool")])
    checked = coldpress("check", "tiny.yaml")
    assert checked.code == 0, checked.error
    assert "loss that can be ruled out" in checked.output
    outcome = coldpress.run_tiny()
    statuses = [stage["status"] for stage in outcome["stages"]]
    assert statuses == ["ran", "ran", "ran", "skipped", "ran", "ran", "ran"]
    models = outcome["evaluation"]["models"]
    assert models["teacher"]["accuracy"] > 0.3
    assert models["onnx"]["speedup"] is not None
