"""Latency of a ModernBERT with random weights, in torch and as the graph that is exported.

    python benchmarks/modernbert.py [--layers 6] [--width 384] [--heads 6] [--neurons 576]

Every third layer attends to all tokens, the others to 64 on either side, as in the published
models. Medians over calls of one text on one thread, interleaved. Parity is checked first.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoModelForSequenceClassification, ModernBertConfig

from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.performance.latency import Call, time_interleaved
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.onnx.predictor import open_session
from coldpress.quantization import DynamicInt8, StaticInt8
from coldpress.quantization.core.storage import save_quantized
from coldpress.quantization.method import QuantizationContext
from coldpress.training.data import TrainingData
from coldpress.training.loop import target_loss

_VOCABULARY = 5000
_TOKENS = (12, 64, 256)
_ROUNDS = 60


def main() -> None:
    """Build the model, export it in float32 and int8, and time all at seconds length."""
    sizes = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in {"layers": 6, "width": 384, "heads": 6, "neurons": 576}.items():
        sizes.add_argument(f"--{name}", type=int, default=default)
    torch.set_num_threads(1)
    source = _modernbert(sizes.parse_args())
    rows = {tokens: _random_rows(tokens) for tokens in _TOKENS}
    all_rows = _joined(list(rows.values()))
    no_labels = target_loss(TEXT_CLASSIFICATION, all_rows.targets)
    context = QuantizationContext(TrainingData(all_rows, no_labels, all_rows))
    dynamic = DynamicInt8(method="dynamic-int8").quantize(source, context)
    static = StaticInt8(method="static-int8").quantize(source, context)
    with tempfile.TemporaryDirectory() as folder:
        sessions = {
            name: _exported(model, Path(folder) / name, all_rows)
            for name, model in {"fp32": source, "dynamic": dynamic, "static": static}.items()
        }
    print("tokens | torch eager | torch sdpa | " + " | ".join(sessions))
    for tokens, encoded in rows.items():
        calls = {"eager": _in_torch(source, encoded), "sdpa": _in_torch(_sdpa(source), encoded)}
        calls |= {name: _in_session(session, encoded) for name, session in sessions.items()}
        medians = [
            np.median(seconds) * 1e3
            for seconds in time_interleaved(calls, _ROUNDS).seconds.values()
        ]
        print(f"{tokens} | " + " | ".join(f"{seconds:.2f} ms" for seconds in medians))


def _random_rows(tokens: int) -> EncodedSplit:
    draw = np.random.default_rng(tokens)
    ids = tuple(draw.integers(5, _VOCABULARY, tokens) for _ in range(8))
    no_labels = np.zeros(0, dtype=np.int64)
    return EncodedSplit(ids, tuple(np.zeros_like(row) for row in ids), no_labels, 0, 0)


def _joined(parts: list[EncodedSplit]) -> EncodedSplit:
    ids = tuple(row for part in parts for row in part.input_ids)
    return replace(parts[0], input_ids=ids, token_type_ids=tuple(np.zeros_like(row) for row in ids))


def _modernbert(sizes: argparse.Namespace) -> Classifier:
    torch.manual_seed(0)
    special: dict[str, Any] = {
        f"{name}_token_id": number
        for number, names in enumerate((("pad", "bos", "cls"), ("eos", "sep")))
        for name in names
    }
    config = ModernBertConfig(
        vocab_size=_VOCABULARY,
        hidden_size=sizes.width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.neurons,
        max_position_embeddings=512,
        **special,
    )
    config.num_labels = 6
    build: Any = AutoModelForSequenceClassification
    module = build.from_config(config, attn_implementation="eager").eval()
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.enable_truncation(max(_TOKENS))
    return Classifier(module, tokenizer, tuple("abcdef"), TEXT_CLASSIFICATION)


def _sdpa(source: Classifier) -> Classifier:
    copy: Any = source.copy()
    copy.module.set_attn_implementation("sdpa")
    classifier: Classifier = copy
    return classifier


def _exported(classifier: Classifier, target: Path, rows: EncodedSplit) -> Any:  # noqa: ANN401
    about = Manifest(stage="quantize", labels=classifier.labels, shapes=classifier.shapes)
    with new_checkpoint(target, about) as directory:
        save_quantized(classifier, directory)
    checkpoint = Checkpoint.open(target)
    graph = target.with_suffix(".onnx")
    with new_checkpoint(graph, Manifest(stage="export_onnx")) as directory:
        export(checkpoint, directory, 17, {})
    check_parity(checkpoint, graph / "model.onnx", rows)
    return open_session(graph / "model.onnx", threads=1)


def _in_torch(classifier: Classifier, rows: EncodedSplit) -> Call:
    batches = [classifier.inputs(rows.batch([row])) for row in range(len(rows))]

    def call(number: int) -> object:
        with torch.inference_mode():
            return classifier.module(**batches[number % len(batches)]).logits

    return call


def _in_session(session: Any, rows: EncodedSplit) -> Call:  # noqa: ANN401
    names = [value.name for value in session.get_inputs()]
    batches = [rows.batch([row]) for row in range(len(rows))]
    feeds = [{name: getattr(batch, name) for name in names} for batch in batches]
    return lambda number: session.run(None, feeds[number % len(feeds)])


if __name__ == "__main__":
    main()
