"""Latency and memory of a DeBERTa-v3 in int8, beside optimum-onnx's file of the same model.

    python benchmarks/deberta_latency.py --optimum ENVIRONMENT/bin/python [--layers 12]

The default sizes are those of deberta-v3-xsmall, with random weights: latency does not depend on
them. The environment has `benchmarks/peers/requirements-optimum.txt`. Both files run in ONNX
Runtime on one thread, batch 1, in turns; the peak of memory is that of a process that opens the
file and reads a text of 512 tokens.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from deberta import build_deberta, export_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from coldpress.cpu import weight_bits
from coldpress.evaluation.performance.latency import time_interleaved
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.classifier import Classifier
from coldpress.onnx.predictor import open_session
from coldpress.quantization.core.convert import quantize_int8

TOKENS = (8, 32, 128, 512)
ROUNDS = 30
VOCABULARY = 1000
"""Tokens: a table of 128,000 would make both files larger, but not slower."""
LABELS = ("no", "yes")
_READ_LONGEST = """
import sys
import numpy
import onnxruntime

file, tokens = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
row = numpy.ones((1, int(tokens)), dtype=numpy.int64)
session.run(None, {value.name: row for value in session.get_inputs()})
lines = open("/proc/self/status").read().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


def main() -> None:
    """Export the model both ways, and print latency and memory."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--optimum", type=Path, required=True, help="interpreter")
    options.add_argument("--layers", type=int, default=12)
    options.add_argument("--width", type=int, default=384)
    options.add_argument("--heads", type=int, default=6)
    arguments = options.parse_args()
    torch.manual_seed(0)
    module = build_deberta(
        vocab_size=VOCABULARY,
        hidden_size=arguments.width,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads,
        position_buckets=256,
        num_labels=len(LABELS),
    ).eval()
    with tempfile.TemporaryDirectory() as folder:
        other = _export_with_optimum(module, Path(folder), arguments.optimum)
        files = {"coldpress dynamic-int8": _export(module, Path(folder)), "optimum int8": other}
        _report(files)


def _tokenizer() -> Tokenizer:
    names = {name: number for number, name in enumerate(("[PAD]", "[CLS]", "[SEP]", "[UNK]"))}
    words = {f"word{number}": number for number in range(len(names), VOCABULARY)}
    tokenizer = Tokenizer(WordLevel({**names, **words}, unk_token="[UNK]"))
    tokenizer.enable_truncation(TOKENS[-1])
    return tokenizer


def _export_with_optimum(module: Any, folder: Path, python: Path) -> Path:  # noqa: ANN401
    """Let the worker of the comparison with other libraries build its file."""
    teacher, made = folder / "teacher", folder / "optimum"
    module.save_pretrained(teacher)
    fast: Any = PreTrainedTokenizerFast
    fast(tokenizer_object=_tokenizer(), pad_token="[PAD]").save_pretrained(teacher)
    made.mkdir()
    rows: dict[str, list[str]] = {"texts": [], "labels": []}
    job = {
        **{"labels": LABELS, "train": rows, "validation": rows, "test": [], "timed": []},
        **{"teacher": str(teacher), "teacher_digest": "", "pretrained": None},
        "max_tokens": TOKENS[-1],
    }
    file = folder / "job.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    worker = (python.absolute(), "-m", "peers.workers.run", "build", "onnx_models", "optimum-int8")
    subprocess.run([*worker, file, made], cwd=Path(__file__).parent, check=True)
    return made / "served.onnx"


def _export(module: Any, folder: Path) -> Path:  # noqa: ANN401
    model = Classifier(module, _tokenizer(), LABELS, TEXT_CLASSIFICATION)
    return export_model(quantize_int8(model, weight_bits()), folder / "quantized")


def _report(files: Mapping[str, Path]) -> None:
    print("file | tokens | median ms | 5th to 95th percentile")
    for tokens in TOKENS:
        calls = {name: _call(path, tokens) for name, path in files.items()}
        for name, seconds in time_interleaved(calls, ROUNDS).seconds.items():
            low, median, high = np.percentile(seconds, [5, 50, 95]) * 1e3
            print(f"{name} | {tokens} | {median:.3f} | {low:.3f} to {high:.3f}")
    for name, path in files.items():
        print(f"{name}: {path.stat().st_size / 1e6:.1f} MB, {_peak_memory(path)} MB of memory")


def _call(path: Path, tokens: int) -> Callable[[int], object]:
    """Return a function that reads a text of random tokens."""
    session = open_session(path, 1)
    ids = np.random.default_rng(0).integers(4, VOCABULARY, size=(1, tokens))
    arrays = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
    }
    feeds = {value.name: arrays[value.name] for value in session.get_inputs()}
    return lambda _: session.run(None, feeds)


def _peak_memory(file: Path) -> int:
    """Return the peak of resident memory of a process that reads the longest text, in MB."""
    command = [sys.executable, "-c", _READ_LONGEST, str(file), str(TOKENS[-1])]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(process.stdout) // 1000


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
