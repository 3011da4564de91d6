"""Bytes and accuracy of one teacher with weights of 8 bits down to 1, in blocks, and mixed.

    python benchmarks/bits.py --model DIR --train FILE --test FILE [--teacher DIR] [--only WORD]

The teacher is trained once, or opened where an earlier run has written it. Each method quantizes
it; the exported file passes parity and answers the validation split, which is cut from the
training file. The test file is read with the data and never asked. Latencies are medians of single
validation texts on one thread, all models in turn.
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

from coldpress.data import benchmark
from coldpress.data.benchmark import Benchmark
from coldpress.data.encoding import EncodedSplit, encode
from coldpress.model import classifier, serialization
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import export
from coldpress.onnx.inference import raw_logits, run_batch
from coldpress.onnx.parity import check_parity
from coldpress.onnx.predictor import Predictor
from coldpress.quantization import DynamicInt8, KBit, MixedPrecision, WeightOnly
from coldpress.quantization.core.storage import save_quantized
from coldpress.quantization.layer_groups import group_layers
from coldpress.quantization.method import PostTrainingQuantization
from coldpress.quantization.mixed.search import mean_kl_divergence
from coldpress.recipe.recipe import Recipe
from coldpress.teacher import build
from coldpress.training import loop

_CALLS = 20


@dataclass(frozen=True)
class Contestant:
    """A model that was pressed.

    Attributes:
        name: Its row in the table.
        line: What was measured of it.
        predictor: Answers with its file.
    """

    name: str
    line: str
    predictor: Predictor


def main() -> None:
    """Press, print a line a method, then time all of them."""
    options = _options()
    recipe = _recipe(options)
    data = benchmark.load_benchmark(recipe.benchmark, recipe.seed)
    with tempfile.TemporaryDirectory() as directory:
        teacher = _teacher(recipe, data, options.teacher or Path(directory) / "teacher")
        pressed = _Press(teacher, data, Path(directory))
        print(f"{len(pressed.validation)} rows: MB, accuracy, divergence, seconds to quantize")
        chosen = [(name, method) for name, method in _methods() if options.only in name]
        contestants = [pressed.contestant(name, method) for name, method in chosen]
        for contestant, median in _timed(contestants, pressed.validation, options.rounds):
            print(f"{contestant.name:28} {contestant.line}  {median:6.2f} ms", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, help="where the trained teacher is, or is put")
    parser.add_argument("--rounds", type=int, default=10, help=f"times {_CALLS} calls a model")
    parser.add_argument("--only", default="", help="methods that have this in their name")
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


def _methods() -> Iterator[tuple[str, PostTrainingQuantization | None]]:
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
    for most in (0.003, 0.01, 0.03):
        yield f"mixed {most}", MixedPrecision(method="mixed", max_divergence=most)


def _teacher(recipe: Recipe, data: Benchmark, path: Path) -> Classifier:
    if path.exists():
        return serialization.load_classifier(Checkpoint.open(path))
    loop.reseed(recipe.seed, "train_teacher")
    made = build.build_teacher(recipe.teacher, data, recipe.benchmark.max_tokens)
    rows, validation = encode(made.tokenizer, data.train), encode(made.tokenizer, data.validation)
    loss = loop.label_loss(torch.from_numpy(rows.labels))
    loop.fit(made, rows, loss, recipe.teacher, validation)
    serialization.write_checkpoint(made, path, Manifest(stage="train_teacher"))
    return made


class _Press:
    """One teacher, and where its pressed copies are put."""

    def __init__(self, teacher: Classifier, data: Benchmark, directory: Path) -> None:
        self._teacher, self._directory = teacher, directory
        self._train = encode(teacher.tokenizer, data.train)
        self.validation = encode(teacher.tokenizer, data.validation)
        self._expected = teacher.logits(self.validation)

    def contestant(self, name: str, method: PostTrainingQuantization | None) -> Contestant:
        """Quantize, export, prove parity and answer."""
        start = time.perf_counter()
        made = method.quantize(self._teacher, self._train) if method else self._teacher
        seconds = time.perf_counter() - start
        files = self._exported(name, made)
        predictor = Predictor(files)
        answers = torch.from_numpy(raw_logits(predictor, self.validation))
        accuracy = classifier.accuracy(answers, self.validation.labels.tolist())
        size = (files / "model.onnx").stat().st_size / 1e6
        moved = mean_kl_divergence(self._expected, answers)
        line = f"{size:6.2f} {100 * accuracy:6.1f} % {moved:8.4f}  {seconds:5.1f} s"
        print(
            f"{name:28} {line}",
            _bits(made) if isinstance(method, MixedPrecision) else "",
            flush=True,
        )
        return Contestant(name, line, predictor)

    def _exported(self, name: str, made: Classifier) -> Path:
        source, target = self._directory / name, self._directory / f"{name} onnx"
        manifest = Manifest(stage="quantize", labels=made.labels, shapes=made.shapes)
        with new_checkpoint(source, manifest) as directory:
            save_quantized(made, directory)
        checkpoint = Checkpoint.open(source)
        with new_checkpoint(target, Manifest(stage="export_onnx")) as directory:
            export(checkpoint, directory, 17, {})
        check_parity(checkpoint, target / "model.onnx", self.validation)
        return target


def _bits(made: Classifier) -> dict[str, int]:
    return {
        part.name: int(getattr(made.module.get_submodule(part.paths[0]), "bits"))  # noqa: B009
        for part in group_layers(made)
    }


def _timed(
    contestants: list[Contestant], rows: EncodedSplit, rounds: int
) -> Iterator[tuple[Contestant, float]]:
    """Median milliseconds of single texts, the models taking turns in an order that changes."""
    order, texts = np.random.default_rng(0), [rows.batch([row]) for row in range(_CALLS)]
    taken: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for number in range(rounds + 1):
        for place in order.permutation(len(contestants)):
            for text in texts:
                start = time.perf_counter()
                run_batch(contestants[place].predictor, text)
                taken[contestants[place].name].append(time.perf_counter() - start)
        if not number:  # the first round warms up
            taken = {name: [] for name in taken}
    for contestant in contestants:
        yield contestant, 1000 * float(np.median(taken[contestant.name]))


if __name__ == "__main__":
    main()
