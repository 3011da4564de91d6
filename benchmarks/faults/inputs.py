"""A valid recipe with files of its own: data in three formats and a teacher."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

RECIPE = "recipe.yaml"
TEACHER = "teacher"
DATA = ("train.jsonl", "test.csv", "more.parquet")
WORDS = {
    "colour": ["red", "green", "blue", "amber", "violet", "white", "black", "pale"],
    "weather": ["rain", "snow", "wind", "cloud", "storm", "sun", "frost", "hail"],
    "tool": ["saw", "file", "drill", "plane", "hammer", "chisel", "clamp", "vice"],
}


def described() -> dict[str, Any]:
    """Return the recipe; its paths are relative to its own folder."""
    source = {"origin": "files", "train": "./train.jsonl", "test": "./test.csv"}
    fitting = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 16}
    return {
        "name": "malformed",
        "seed": 0,
        "benchmark": {
            "kind": "text-classification",
            "source": source,
            "columns": {"text": "text", "label": "label"},
            "validation_share": 0.2,
            "max_tokens": 16,
        },
        "teacher": {"model": {"origin": "directory", "path": f"./{TEACHER}"}, **fitting},
        "soft_targets": {"unlabelled": "./more.parquet"},
        "distill": {"method": "logits", "student": {"layers": 1}, **fitting},
        "prune": [{"method": "neurons", "keep_neurons": 0.5, "recovery_epochs": 1}],
        "quantize": {"method": "dynamic-int8"},
        "evaluate": {"latency": {"rounds": 60}},
        "gate": {"max_drop": 1.0, "max_class_drop": 1.0},
    }


def write(folder: Path) -> None:
    """Write the recipe and all that it names.

    Args:
        folder: Left alone where it is there already.
    """
    if (folder / RECIPE).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    _write_data(folder)
    _write_teacher(folder / TEACHER)
    import yaml

    (folder / RECIPE).write_text(yaml.safe_dump(described(), sort_keys=False))


def _rows(seed: int, count: int) -> list[dict[str, str]]:
    chance = random.Random(seed)
    labels = sorted(WORDS)
    return [
        {"text": " ".join(chance.choices(WORDS[label], k=4)) + f" {n}", "label": label}
        for n in range(count)
        for label in [labels[n % len(labels)]]
    ]


def _write_data(folder: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    train, test, more = DATA
    (folder / train).write_text("".join(f"{json.dumps(row)}\n" for row in _rows(0, 90)))
    with (folder / test).open("w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows(_rows(1, 30))
    texts = [row["text"] for row in _rows(2, 30)]
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), folder / more)


def _write_teacher(folder: Path) -> None:
    """A BERT of 2 layers in safetensors, with a WordPiece tokenizer, as transformers saves it."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789"]
    vocabulary += [*letters, *(f"##{letter}" for letter in letters)]
    vocabulary += [word for words in WORDS.values() for word in words]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        id2label=dict(enumerate(sorted(WORDS))),
        label2id={label: n for n, label in enumerate(sorted(WORDS))},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    _tokenizer(vocabulary).save_pretrained(folder)


def _tokenizer(vocabulary: list[str]) -> Any:  # noqa: ANN401
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {token: number for number, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"])
    )
    names = ("unk", "sep", "pad", "cls", "mask")
    special = {f"{name}_token": f"[{name.upper()}]" for name in names}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)  # type: ignore[no-untyped-call]
