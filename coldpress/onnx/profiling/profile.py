"""Profile of an exported model: latency by number of tokens, operators, and machine limits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from coldpress.errors import InputError
from coldpress.evaluation.performance.contention import Contention
from coldpress.evaluation.performance.latency import Call, percentiles, time_interleaved
from coldpress.evaluation.scorecard.base import FrozenRecord
from coldpress.onnx.predictor import open_session
from coldpress.onnx.profiling.machine import MachineLimits, measure_limits
from coldpress.onnx.profiling.operators import (
    Feeds,
    NodeEvent,
    OperatorTime,
    multiply_accumulates,
    operator_times,
    profile_nodes,
)
from coldpress.onnx.profiling.weights import WeightBytes

_SHORTEST = 8
_DEFAULT_LIMIT = 128
"""Longest text for a tokenizer that does not truncate."""
_SECONDS = 5.0
_MIN_CALLS = 20
_MAX_CALLS = 200
_INPUT_TYPES = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}


class LengthProfile(FrozenRecord):
    """The graph's time for a text of some length.

    Attributes:
        tokens: Length of the text.
        p50: Median latency in milliseconds.
        p95: 95th percentile in milliseconds.
        multiply_accumulates: Of matrix products and attention.
        bytes_read: Weights that the graph reads.
        int8_share: Multiply-accumulates per second over the machine's limit for int8.
        memory_share: Bytes read per second over the machine's limit; above 1 if weights stay in a
            cache.
        operators: Nodes by operator, the slowest first.
    """

    tokens: int
    p50: float
    p95: float
    multiply_accumulates: int
    bytes_read: int
    int8_share: float
    memory_share: float
    operators: tuple[OperatorTime, ...]


class Profile(FrozenRecord):
    """Profile of an exported model on one thread, text by text.

    Attributes:
        nodes: Nodes that run, after ONNX Runtime's own fusions.
        limits: The machine's limits.
        lengths: By ascending number of tokens.
        contention: Load of other processes during the timings.
    """

    nodes: int
    limits: MachineLimits
    lengths: tuple[LengthProfile, ...]
    contention: Contention


def measure_profile(directory: Path) -> Profile:
    """Measure where an exported model spends its time.

    Args:
        directory: Folder with `model.onnx` and `tokenizer.json`.

    Returns:
        Measurements for texts of 8, 16, 32, ... tokens up to the model's limit, of random ids.

    Raises:
        InputError: One of the two files is missing or cannot be read.
    """
    for name in ("model.onnx", "tokenizer.json"):
        if not (directory / name).is_file():
            raise InputError(f"model: no {name} in {directory}")
    model = directory / "model.onnx"
    weights = WeightBytes(model)
    limits = measure_limits()
    texts = _random_texts(directory)
    calls = _timed_calls(model, texts)
    count = _call_count(list(calls.values()))
    timings = time_interleaved(calls, count)
    nodes = profile_nodes(model, list(texts.values()), count)
    lengths = [
        _length_profile(timings.seconds[tokens], runs, weights, int(tokens), limits)
        for tokens, runs in zip(texts, nodes, strict=True)
    ]
    worst = max(map(timings.contention, texts), key=lambda contention: contention.level)
    return Profile(nodes=len(nodes[0][0]), limits=limits, lengths=tuple(lengths), contention=worst)


def text_lengths(limit: int) -> list[int]:
    """Return the lengths to measure: 8, 16, 32, ... and the limit.

    Args:
        limit: Tokens of the longest text.
    """
    counts = []
    count = _SHORTEST
    while count < limit:
        counts.append(count)
        count *= 2
    return [*counts, limit]


def _random_texts(directory: Path) -> dict[str, Feeds]:
    """Return inputs of the graph by number of tokens."""
    tokenizer = _read_tokenizer(directory / "tokenizer.json")
    truncation = tokenizer.truncation or {"max_length": _DEFAULT_LIMIT}
    inputs = open_session(directory / "model.onnx", 1).get_inputs()
    random = np.random.default_rng(0)
    texts: dict[str, Feeds] = {}
    for tokens in text_lengths(truncation["max_length"]):
        ids = random.integers(tokenizer.get_vocab_size(), size=(1, tokens))
        values = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        texts[str(tokens)] = {
            value.name: values.get(value.name, np.zeros_like(ids)).astype(_INPUT_TYPES[value.type])
            for value in inputs
        }
    return texts


def _read_tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers has no narrower one
        raise InputError(f"model: {path}: {error}") from error


def _timed_calls(model: Path, texts: Mapping[str, Feeds]) -> dict[str, Call]:
    session = open_session(model, 1)
    return {tokens: _call(session, feeds) for tokens, feeds in texts.items()}


def _call(session: onnxruntime.InferenceSession, feeds: Feeds) -> Call:
    return lambda _: session.run(None, feeds)


def _call_count(calls: Sequence[Call]) -> int:
    """Return the calls of every text that fit into `_SECONDS` of processor time."""
    for call in calls:
        call(0)
    start = time.thread_time()
    for call in calls:
        call(0)
    count = _SECONDS / (time.thread_time() - start)
    return int(np.clip(count, _MIN_CALLS, _MAX_CALLS))


def _length_profile(
    seconds: NDArray[np.float64],
    runs: Sequence[Sequence[NodeEvent]],
    weights: WeightBytes,
    tokens: int,
    limits: MachineLimits,
) -> LengthProfile:
    latency = percentiles(seconds)
    work = multiply_accumulates(runs[0])
    bytes_read = weights.read_by(tokens)
    return LengthProfile(
        tokens=tokens,
        p50=latency.p50,
        p95=latency.p95,
        multiply_accumulates=work,
        bytes_read=bytes_read,
        int8_share=work / (latency.p50 / 1e3) / limits.int8_per_second,
        memory_share=bytes_read / (latency.p50 / 1e3) / limits.bytes_per_second,
        operators=operator_times(runs),
    )
