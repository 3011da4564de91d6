"""Time from a text to its label beside tokenizer and graph, and throughput on several threads.

    coldpress pull trec@champion DIR
    python benchmarks/text_to_label.py DIR TEXTS.jsonl

Latency: one text at a time, whole passes over the texts in turns, a median per text, of these the
median over texts. "In sequence" is tokenizer, then graph: each displaces part of the other from the
processor's cache, which a loop over one of them does not show. Throughput: `predict` of all texts,
the numbers of threads in turns. Needs a quiet machine: throughput needs as many idle cores as
threads.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from coldpress.onnx.predictor import Predictor, open_session

MAX_EXTRA_US = 20.0
MAX_RATIO = 1.2
MIN_SPEEDUP = 1.8
_WARM_UP = 5

Call = Callable[[str], object]


def main() -> None:
    """Measure and print both tables."""
    options = _options()
    texts = _read_texts(options.texts)[: options.rows]
    medians = _time_in_turns(_calls(options.model, texts), texts, options.rounds)
    _print_latency(medians)
    rates = _throughputs(options.model, texts, options.threads, options.rounds)
    _print_throughput(rates)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", type=Path, help="folder written by `coldpress pull`")
    parser.add_argument("texts", type=Path, help="JSON lines with a field `text`")
    parser.add_argument("--rows", type=int, default=500, help="most texts")
    parser.add_argument("--rounds", type=int, default=20, help="passes over the texts")
    parser.add_argument("--threads", type=int, default=2, help="compared with one")
    return parser.parse_args()


def _read_texts(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def _calls(model: Path, texts: Sequence[str]) -> dict[str, Call]:
    """Return what is timed, by name; the inputs of the graph are made before."""
    predictor = Predictor(model)
    session = open_session(model / "model.onnx", 1)
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    names = {value.name for value in session.get_inputs()}
    feeds = {text: _feeds(tokenizer, text, names) for text in texts}

    def run_graph(text: str) -> object:
        return session.run(None, feeds[text])

    def run_both(text: str) -> object:
        return tokenizer.encode(text), session.run(None, feeds[text])

    return {
        "tokenizer": tokenizer.encode,
        "graph": run_graph,
        "in sequence": run_both,
        "text to label": lambda text: predictor.predict([text]),
    }


def _feeds(tokenizer: Tokenizer, text: str, names: set[str]) -> Mapping[str, Any]:
    encoding = tokenizer.encode(text)
    values = {
        "input_ids": encoding.ids,
        "attention_mask": encoding.attention_mask,
        "token_type_ids": encoding.type_ids,
    }
    return {name: np.array([values[name]], dtype=np.int64) for name in sorted(names)}


def _time_in_turns(
    calls: Mapping[str, Call], texts: Sequence[str], rounds: int
) -> dict[str, float]:
    """Return the median over texts of each text's median, in microseconds."""
    order = list(calls)
    passes: dict[str, list[list[float]]] = {name: [] for name in calls}
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            _time_pass(calls[name], texts[:_WARM_UP])
            passes[name].append(_time_pass(calls[name], texts))
    return {name: median(map(median, zip(*times, strict=True))) for name, times in passes.items()}


def _time_pass(call: Call, texts: Sequence[str]) -> list[float]:
    times = []
    for text in texts:
        start = time.perf_counter_ns()
        call(text)
        times.append((time.perf_counter_ns() - start) / 1e3)
    return times


def _throughputs(
    model: Path, texts: Sequence[str], threads: int, rounds: int
) -> dict[int, list[float]]:
    """Return texts per second in each round, by number of threads."""
    predictors = {count: Predictor(model, count) for count in (1, threads)}
    rates: dict[int, list[float]] = {count: [] for count in predictors}
    for turn in range(rounds):
        for count in sorted(predictors, reverse=bool(turn % 2)):
            predictors[count].predict(texts[:_WARM_UP])
            start = time.perf_counter()
            predictors[count].predict(texts)
            rates[count].append(len(texts) / (time.perf_counter() - start))
    return rates


def _print_latency(medians: Mapping[str, float]) -> None:
    for name, value in medians.items():
        print(f"{name:26}{value:9.1f} us")
    parts = medians["tokenizer"] + medians["graph"]
    extra, ratio = medians["text to label"] - parts, medians["text to label"] / parts
    own = medians["text to label"] - medians["in sequence"]
    _judge("more than tokenizer + graph", extra, MAX_EXTRA_US, extra <= MAX_EXTRA_US)
    _judge("ratio to tokenizer + graph", ratio, MAX_RATIO, ratio <= MAX_RATIO)
    print(f"{'more than in sequence':38}{own:9.2f}")


def _print_throughput(rates: Mapping[int, Sequence[float]]) -> None:
    for count, values in rates.items():
        print(f"{f'threads {count}':26}{median(values):9.0f} texts/s")
    one, several = rates.values()
    speedup = median(b / a for a, b in zip(one, several, strict=True))
    _judge("threads: times the throughput of one", speedup, MIN_SPEEDUP, speedup >= MIN_SPEEDUP)


def _judge(name: str, value: float, goal: float, met: bool) -> None:
    print(f"{name:38}{value:9.2f}  goal {goal:g}  {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()
