"""Size and accuracy of one teacher with weights of 8 bits down to 1, blockwise and mixed.

    python benchmarks/bits.py --model DIR --train FILE --test FILE [--teacher DIR] [--only WORD]

The teacher is trained once, or loaded if an earlier run has written it. Each method quantizes it;
the exported file is checked for parity and evaluated on the validation split, which is cut from the
training file. The test file is read but not used. Latencies are medians of single validation texts
on one thread, with the models interleaved.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from coldpress.benchmark import loading
from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import EncodedSplit
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model import serialization
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import export
from coldpress.onnx.inference import raw_logits, run_batch
from coldpress.onnx.parity import check_parity
from coldpress.onnx.predictor import Predictor
from coldpress.quantization import DynamicInt8, KBit, MixedPrecision, WeightOnly
from coldpress.quantization.core.storage import save_quantized
from coldpress.quantization.layer_groups import group_layers
from coldpress.quantization.method import Quantization, QuantizationContext
from coldpress.quantization.mixed.search import mean_divergence
from coldpress.recipe.recipe import Recipe
from coldpress.teacher import build
from coldpress.training import loop
from coldpress.training.data import labelled_data

_CALLS = 20


@dataclass(frozen=True)
class Model:
    """A quantized and exported model.

    Attributes:
        name: Its row in the table.
        line: Its measurements.
        predictor: Runs the exported file.
    """

    name: str
    line: str
    predictor: Predictor


def main() -> None:
    """Quantize, print a line per method, then time all models."""
    options = _options()
    recipe = _recipe(options)
    data = loading.load_benchmark(recipe.benchmark, recipe.seed)
    with tempfile.TemporaryDirectory() as directory:
        teacher = _teacher(recipe, data, options.teacher or Path(directory) / "teacher")
        quantizer = _Quantizer(teacher, data, Path(directory))
        print(f"{len(quantizer.validation)} rows: MB, accuracy, divergence, seconds to quantize")
        methods = [(name, method) for name, method in _methods() if options.only in name]
        models = [quantizer.build(name, method) for name, method in methods]
        for model, median in _timed(models, quantizer.validation, options.rounds):
            print(f"{model.name:28} {model.line}  {median:6.2f} ms", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, help="folder of the trained teacher, or for it")
    parser.add_argument("--rounds", type=int, default=10, help=f"of {_CALLS} calls per model")
    parser.add_argument("--only", default="", help="run only methods with this in their name")
    return parser.parse_args()


def _recipe(options: argparse.Namespace) -> Recipe:
    source = {"origin": "files", "train": str(options.train), "test": str(options.test)}
    return Recipe.model_validate(
        {
            "name": "bits",
            "benchmark": {"kind": "text-classification", "source": source, "max_tokens": 64},
            "teacher": {"model": str(options.model), "epochs": 3, "learning_rate": 2e-4},
        }
    )


def _methods() -> Iterator[tuple[str, Quantization | None]]:
    yield "float32", None
    yield "dynamic-int8", DynamicInt8(method="dynamic-int8")
    for bits in (8, 4, 3, 2, 1):
        yield f"k-bit {bits} channel", KBit(method="k-bit", bits=bits)
        yield f"k-bit {bits} tensor", KBit(method="k-bit", bits=bits, per="tensor")
    for tables in (8, 2, 1):
        yield f"k-bit 4, tables {tables}", KBit(method="k-bit", bits=4, table_bits=tables)
    yield "weight-only 8 int8", WeightOnly(method="weight-only", bits=8)
    yield "weight-only 4 int8", WeightOnly(method="weight-only", bits=4)
    yield (
        "weight-only 8 float32",
        WeightOnly(method="weight-only", bits=8, activations="float32"),
    )
    yield (
        "weight-only 4 float32",
        WeightOnly(method="weight-only", bits=4, activations="float32"),
    )
    for bound in (0.003, 0.01, 0.03):
        yield f"mixed {bound}", MixedPrecision(method="mixed", max_divergence=bound)


def _teacher(recipe: Recipe, data: Benchmark, path: Path) -> Classifier:
    if path.exists():
        return serialization.load_classifier(Checkpoint.open(path))
    loop.reseed(recipe.seed, "train_teacher")
    teacher = build.build_teacher(recipe.model_teacher, data, recipe.benchmark.max_tokens)
    rows = labelled_data(teacher, data.train, data.validation)
    loop.fit(teacher, rows.train, rows.loss, recipe.model_teacher, rows.validation)
    serialization.write_checkpoint(teacher, path, Manifest(stage="train_teacher"))
    return teacher


class _Quantizer:
    """Quantizes, exports and evaluates copies of one teacher."""

    def __init__(self, teacher: Classifier, data: Benchmark, directory: Path) -> None:
        self._teacher = teacher
        self._directory = directory
        rows = labelled_data(teacher, data.train, data.validation)
        self._context = QuantizationContext(rows)
        self.validation = rows.validation
        self._expected = teacher.logits(self.validation)

    def build(self, name: str, method: Quantization | None) -> Model:
        """Quantize, export, check parity and evaluate."""
        start = time.perf_counter()
        quantized = method.quantize(self._teacher, self._context) if method else self._teacher
        seconds = time.perf_counter() - start
        files = self._exported(name, quantized)
        predictor = Predictor(files)
        logits = torch.from_numpy(raw_logits(predictor, self.validation))
        accuracy = TEXT_CLASSIFICATION.main_score(logits.numpy(), self.validation.targets)
        size = (files / "model.onnx").stat().st_size / 1e6
        change = mean_divergence(TEXT_CLASSIFICATION, self._expected, logits)
        line = f"{size:6.2f} {100 * accuracy:6.1f} % {change:8.4f}  {seconds:5.1f} s"
        print(
            f"{name:28} {line}",
            _bits(quantized) if isinstance(method, MixedPrecision) else "",
            flush=True,
        )
        return Model(name, line, predictor)

    def _exported(self, name: str, quantized: Classifier) -> Path:
        source = self._directory / name
        target = self._directory / f"{name} onnx"
        manifest = Manifest(stage="quantize", labels=quantized.labels, shapes=quantized.shapes)
        with new_checkpoint(source, manifest) as directory:
            save_quantized(quantized, directory)
        checkpoint = Checkpoint.open(source)
        with new_checkpoint(target, Manifest(stage="export_onnx")) as directory:
            export(checkpoint, directory, 17, {})
        check_parity(checkpoint, target / "model.onnx", self.validation)
        return target


def _bits(quantized: Classifier) -> dict[str, int]:
    return {
        part.name: int(getattr(quantized.module.get_submodule(part.paths[0]), "bits"))  # noqa: B009
        for part in group_layers(quantized)
    }


def _timed(models: list[Model], rows: EncodedSplit, rounds: int) -> Iterator[tuple[Model, float]]:
    """Yield median milliseconds of single texts, with the models in random order each round."""
    order = np.random.default_rng(0)
    texts = [rows.batch([row]) for row in range(_CALLS)]
    seconds: dict[str, list[float]] = {model.name: [] for model in models}
    for number in range(rounds + 1):
        for place in order.permutation(len(models)):
            for text in texts:
                start = time.perf_counter()
                run_batch(models[place].predictor, text)
                seconds[models[place].name].append(time.perf_counter() - start)
        if not number:  # the first round warms up
            seconds = {name: [] for name in seconds}
    for model in models:
        yield model, 1000 * float(np.median(seconds[model.name]))


if __name__ == "__main__":
    main()
