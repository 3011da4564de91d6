"""Accuracy and latency of a small DeBERTa-v3 with every quantization method.

    python benchmarks/deberta.py [--layers 4] [--width 128] [--epochs 6]

The model is trained from scratch on the generated requests of the demo. Next to the methods of
Coldpress stands what is known to fail for published DeBERTa models: ONNX Runtime's dynamic
quantization of every matrix product of the float32 graph.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from pydantic import TypeAdapter
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import UnigramTrainer
from transformers import AutoConfig, AutoModelForSequenceClassification

from coldpress.benchmark.loading import Benchmark, load_benchmark
from coldpress.data.encoding import EncodedSplit, encode
from coldpress.evaluation.performance.latency import time_interleaved
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import describe_model
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.onnx.predictor import open_session
from coldpress.quantization import QuantizationMethod
from coldpress.quantization.core.storage import save_quantized
from coldpress.quantization.method import QuantizationContext
from coldpress.recipe.loading import load_recipe
from coldpress.schema.section import Optimization
from coldpress.training.data import labelled_data
from coldpress.training.loop import fit, reseed

SPECIAL = ("[PAD]", "[CLS]", "[SEP]", "[UNK]")
METHODS: tuple[Mapping[str, Any], ...] = (
    {"method": "dynamic-int8"},
    {"method": "static-int8"},
    {"method": "smooth"},
    {"method": "k-bit", "bits": 4},
    {"method": "mixed"},
    {"method": "weight-only", "bits": 4, "block_size": 32, "activations": "float32"},
    {"method": "qat", "bits": 8, "epochs": 2},
    {"method": "binary", "activation_bits": 4, "epochs": 2},
)
MAX_TOKENS = 64
ROUNDS = 100


def main() -> None:
    """Train, quantize by each method, and print accuracy, size and latency of each file."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in {"layers": 4, "width": 128, "epochs": 6}.items():
        options.add_argument(f"--{name}", type=int, default=default)
    arguments = options.parse_args()
    adapter: TypeAdapter[Any] = TypeAdapter(QuantizationMethod)
    methods = [adapter.validate_python(section) for section in METHODS]
    benchmark = load_benchmark(load_recipe("demo").benchmark, 0)
    source = _train(benchmark, arguments)
    data = labelled_data(source, benchmark.train, benchmark.validation)
    test = encode(source.tokenizer, benchmark.test)
    accuracy = float((source.logits(test).argmax(1).numpy() == test.targets).mean())
    print(f"torch float32: accuracy {accuracy:.4f} of {len(test)} test texts")
    with tempfile.TemporaryDirectory() as folder:
        files = {"float32": _export(source, Path(folder) / "float32", data.validation)}
        for method in methods:
            reseed(0, "quantize")
            model = method.quantize(source, QuantizationContext(data))
            files[method.method] = _export(model, Path(folder) / method.method, data.validation)
        files["every product, dynamic"] = _quantize_products(files["float32"], Path(folder))
        _report(files, test, accuracy)


def _train(benchmark: Benchmark, arguments: argparse.Namespace) -> Classifier:
    reseed(0, "train_teacher")
    tokenizer = _train_tokenizer(benchmark.train.texts)
    module = build_deberta(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=arguments.width,
        num_hidden_layers=arguments.layers,
        num_attention_heads=4,
        position_buckets=32,
        num_labels=len(benchmark.labels),
    )
    model = Classifier(module, tokenizer, benchmark.labels, TEXT_CLASSIFICATION)
    rows = labelled_data(model, benchmark.train, benchmark.validation)
    plan = Optimization(epochs=arguments.epochs, learning_rate=1e-3, freeze_embeddings=False)
    fit(model, rows.train, rows.loss, plan, rows.validation)
    return model


def build_deberta(**sizes: int) -> Any:  # noqa: ANN401
    """Build a DeBERTa-v3 with random weights.

    Args:
        sizes: Fields of its configuration; the others are those of the published models.
    """
    config = AutoConfig.for_model(
        "deberta-v2",
        intermediate_size=4 * sizes["hidden_size"],
        max_position_embeddings=512,
        relative_attention=True,
        position_biased_input=False,
        share_att_key=True,
        norm_rel_ebd="layer_norm",
        pos_att_type="p2c|c2p",
        type_vocab_size=0,
        **sizes,
    )
    build: Any = AutoModelForSequenceClassification
    return build.from_config(config)


def _train_tokenizer(texts: Sequence[str]) -> Tokenizer:
    tokenizer = Tokenizer(Unigram())
    tokenizer.pre_tokenizer = Metaspace()
    trainer = UnigramTrainer(
        vocab_size=2000, special_tokens=list(SPECIAL), unk_token="[UNK]", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _export(model: Classifier, target: Path, rows: EncodedSplit) -> Path:
    """Export a model, check its parity, and return the graph."""
    graph = export_model(model, target)
    check_parity(Checkpoint.open(target), graph, rows)
    return graph


def export_model(model: Classifier, target: Path) -> Path:
    """Export a model, quantized or not, and return the graph.

    Args:
        model: The model.
        target: New folder of its checkpoint.
    """
    with new_checkpoint(target, describe_model(Manifest(stage="quantize"), model)) as directory:
        save_quantized(model, directory)
    graph = target.with_suffix(".onnx")
    with new_checkpoint(graph, Manifest(stage="export_onnx")) as directory:
        export(Checkpoint.open(target), directory, 17, {})
    return graph / "model.onnx"


def _quantize_products(source: Path, folder: Path) -> Path:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = folder / "products.onnx"
    quantize_dynamic(
        source,
        target,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gemm"],
        # Its inference of types ends at the operators of ONNX Runtime.
        extra_options={"DefaultTensorType": TensorProto.FLOAT},
    )
    return target


def _report(files: Mapping[str, Path], test: EncodedSplit, accuracy: float) -> None:
    calls = {name: _calls(path, test) for name, path in files.items()}
    times = time_interleaved(calls, ROUNDS).seconds
    print("file | accuracy | retained | megabytes | median ms")
    for name, call in calls.items():
        logits = np.concatenate([call(row) for row in range(len(test))])
        share = float((logits.argmax(1) == test.targets).mean())
        size = files[name].stat().st_size / 1e6
        median = np.median(times[name]) * 1e3
        print(f"{name} | {share:.4f} | {share / accuracy:.1%} | {size:.2f} | {median:.3f}")


def _calls(path: Path, test: EncodedSplit) -> Callable[[int], NDArray[np.float32]]:
    """Return a function that computes the logits of a row, shape (1, labels)."""
    session = open_session(path, 1)
    names = [value.name for value in session.get_inputs()]

    def call(number: int) -> NDArray[np.float32]:
        ids = test.input_ids[number % len(test)][None]
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        logits: NDArray[np.float32] = session.run(None, {name: feeds[name] for name in names})[0]
        return logits

    return call


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
