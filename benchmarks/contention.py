"""Speed-up of a model while other processes compute.

    python benchmarks/contention.py [--busy 3] [--kinds spin matmul stream] [--rounds 3]
    python benchmarks/contention.py --recipe demo [--busy 3] [--kinds spin stream] [--rounds 1]

A teacher and a smaller model with random weights, of the demo's and of MiniLM's size, are exported
and timed as in an evaluation: alternately on a quiet machine and load busy processes. With
--recipe, the recipe is run in an empty home and evaluated again load such processes.

Prints the ratio of the median wall times, the ratio of the calls' own times, the speed-up with its
interval, and a verdict. A measurement passes if its interval contains the quiet speed-up and it is
less than twice the quiet outcome, or if no speed-up could be determined.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoModelForSequenceClassification, BertConfig

from coldpress.cpu import weight_bits
from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.performance.latency import Call, time_interleaved, torch_threads
from coldpress.evaluation.performance.speedup import Speedup, estimate_speedup, measure_until_clear
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import export
from coldpress.onnx.inference import run_batch
from coldpress.onnx.predictor import Predictor
from coldpress.quantization.core.convert import quantize_int8
from coldpress.quantization.core.storage import save_quantized

_VOCABULARY = 2000
_CALLS = 300
_SIZES = {
    "demo": ((4, 128, 4, 512), (2, 128, 2, 256)),
    "MiniLM": ((6, 384, 12, 1536), (3, 384, 6, 384)),
}
"""Layers, width, heads and neurons of the teacher and of the model."""
_BUSY = {
    "spin": "while True: pass",
    "matmul": "import numpy; a = numpy.ones((512, 512), 'f')\nwhile True: a @ a",
    "stream": "import numpy; a = numpy.ones(8_000_000)\nwhile True: numpy.add(a, 1.0, out=a)",
}


@dataclass(frozen=True)
class Outcome:
    """One measurement.

    Attributes:
        load: The other processes, or "nothing".
        wall: Ratio of the median wall times; None for a recipe's evaluation.
        own: Ratio of the medians of the calls' own times; None for a recipe's evaluation.
        gain: The speed-up as in a scorecard.
    """

    load: str
    wall: float | None
    own: float | None
    gain: Speedup


def main() -> None:
    """Measure, print a table, and exit with 1 if a measurement does not hold."""
    options = _options()
    if options.recipe:
        verdicts = [_run(options.recipe, options)]
    else:
        verdicts = [_measure(size, options) for size in options.sizes]
    raise SystemExit(0 if all(verdicts) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--busy", type=int, default=3, help="number of busy processes")
    parser.add_argument("--kinds", nargs="*", choices=_BUSY, default=list(_BUSY))
    parser.add_argument("--sizes", nargs="+", choices=_SIZES, default=list(_SIZES))
    parser.add_argument("--rounds", type=int, default=3, help="measurements per load")
    parser.add_argument("--recipe", help="run and evaluate this recipe, such as demo")
    return parser.parse_args()


def _measure(size: str, options: argparse.Namespace) -> bool:
    outcomes = list[Outcome]()
    with tempfile.TemporaryDirectory() as folder, torch_threads(1):
        models = _models(size, Path(folder))
        for _ in range(options.rounds):
            outcomes.append(_measure_once("nothing", models))
            for kind in options.kinds:
                with _busy_processes(kind, options.busy):
                    outcomes.append(_measure_once(f"{options.busy} x {kind}", models))
    return _judge(size, sorted(outcomes, key=lambda outcome: outcome.load != "nothing"))


def _measure_once(load: str, models: dict[str, Call]) -> Outcome:
    timings = measure_until_clear(lambda: time_interleaved(models, _CALLS), "teacher", "onnx")
    wall = {name: trace.wall for name, trace in timings.traces.items()}
    gain = estimate_speedup(timings, "teacher", "onnx")
    return Outcome(load, _ratio(wall), _ratio(timings.seconds), gain)


def _ratio(seconds: dict[str, Any]) -> float:
    return float(np.median(seconds["teacher"]) / np.median(seconds["onnx"]))


@contextmanager
def _busy_processes(kind: str, count: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", _BUSY[kind]]) for _ in range(count)]
    try:
        time.sleep(2)
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _run(recipe: str, options: argparse.Namespace) -> bool:
    """Train once; every other run has another number of calls, and only evaluates."""
    outcomes = list[Outcome]()
    calls = _CALLS
    with tempfile.TemporaryDirectory() as home:
        for _ in range(options.rounds):
            outcomes.append(_evaluate(recipe, Path(home), calls, "nothing"))
            for kind in options.kinds:
                calls += 1
                with _busy_processes(kind, options.busy):
                    load = f"{options.busy} x {kind}"
                    outcomes.append(_evaluate(recipe, Path(home), calls, load))
            calls += 1
    return _judge(recipe, sorted(outcomes, key=lambda outcome: outcome.load != "nothing"))


def _evaluate(recipe: str, home: Path, calls: int, load: str) -> Outcome:
    command = Path(sys.executable).with_name("coldpress")
    report_path = home / f"{calls}.json"
    rounds = f"evaluate.latency.rounds={calls}"
    arguments = [str(command), "run", recipe, "--set", rounds, "--json", str(report_path)]
    environment = {**os.environ, "COLDPRESS_HOME": str(home / "home")}
    log = (home / "log").open("a")
    process = subprocess.run(arguments, env=environment, stdout=log, stderr=log, check=False)
    if process.returncode not in {0, 1} or not report_path.exists():
        raise SystemExit((home / "log").read_text())
    report = json.loads(report_path.read_text())
    _print_stages(load, report)
    card = report["evaluation"]["models"]["onnx"]
    interval = card["speedup_interval"] or {"low": None, "high": None}
    gain = Speedup(card["speedup"], interval["low"], interval["high"], card["speedup_undetermined"])
    return Outcome(load, None, None, gain)


def _print_stages(load: str, report: dict[str, Any]) -> None:
    seconds = next(s["seconds"] for s in report["stages"] if s["stage"] == "evaluate")
    contention = report["evaluation"]["models"]["teacher"]["contention"]
    passed = "passed" if report["gate"]["passed"] else "refused"
    print(f"load {load}: gate {passed}, evaluate {seconds:.1f} s, teacher {contention}")


def _judge(name: str, outcomes: Sequence[Outcome]) -> bool:
    """Print all, and hold those load other processes to the quiet ones."""
    quiet = [o.gain.ratio for o in outcomes if o.load == "nothing"] or [outcomes[0].gain.ratio]
    determinate = [ratio for ratio in quiet if ratio is not None]
    if not determinate:
        raise SystemExit(f"{name}: not even on a quiet machine: {outcomes[0].gain.obstacle}")
    true = float(np.median(determinate))
    all_hold = True
    print(f"\n{name}: quiet speed-up {true:.2f}\n{'load':16}{'wall':>8}{'own':>8}  speed-up")
    for outcome in outcomes:
        holds = _holds(outcome.gain, true)
        all_hold = all_hold and holds
        ratios = "".join(f"{r:8.2f}" if r else f"{'':8}" for r in (outcome.wall, outcome.own))
        print(f"{outcome.load:16}{ratios}  {_words(outcome.gain)}{'' if holds else '  MISSED'}")
    print(f"{name}: {'held' if all_hold else 'MISSED'}", flush=True)
    return all_hold


def _holds(gain: Speedup, true: float) -> bool:
    if gain.ratio is None or gain.low is None or gain.high is None:
        return True
    return gain.low <= true <= gain.high and gain.ratio < 2 * true


def _words(gain: Speedup) -> str:
    if gain.ratio is None:
        return f"could not be determined: {gain.obstacle}"
    return f"{gain.ratio:.2f} ({gain.low:.2f} to {gain.high:.2f})"


def _models(size: str, folder: Path) -> dict[str, Call]:
    teacher, small = (_bert(*numbers) for numbers in _SIZES[size])
    draw = np.random.default_rng(0)
    ids = tuple(draw.integers(5, _VOCABULARY, draw.integers(6, 20)) for _ in range(_CALLS))
    rows = EncodedSplit(
        ids, tuple(np.zeros_like(row) for row in ids), np.zeros(0, dtype=np.int64), 0, 0
    )
    predictor = _exported(small, folder / size)
    batches = [rows.batch([row]) for row in range(_CALLS)]

    def in_torch(number: int) -> object:
        with torch.inference_mode():
            return teacher.module(**teacher.inputs(batches[number % _CALLS])).logits

    return {
        "teacher": in_torch,
        "onnx": lambda number: run_batch(predictor, batches[number % _CALLS]),
    }


def _bert(layers: int, width: int, heads: int, neurons: int) -> Classifier:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=_VOCABULARY,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=neurons,
    )
    config.num_labels = 6
    build: Any = AutoModelForSequenceClassification
    module = build.from_config(config, attn_implementation="eager").eval()
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    return Classifier(module, tokenizer, tuple("abcdef"), TEXT_CLASSIFICATION)


def _exported(classifier: Classifier, target: Path) -> Predictor:
    quantized = quantize_int8(classifier, weight_bits())
    about = Manifest(stage="quantize", labels=quantized.labels, shapes=quantized.shapes)
    with new_checkpoint(target, about) as directory:
        save_quantized(quantized, directory)
    graph = target.with_suffix(".onnx")
    with new_checkpoint(graph, Manifest(stage="export_onnx")) as directory:
        export(Checkpoint.open(target), directory, 17, {})
    return Predictor(graph, threads=1)


if __name__ == "__main__":
    main()
