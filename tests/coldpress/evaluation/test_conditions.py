"""What timings were taken on."""

from __future__ import annotations

from importlib.metadata import version

from tokenizers import Tokenizer

from coldpress.benchmark import Split
from coldpress.encoding import encode
from coldpress.evaluation import Latency
from coldpress.evaluation.conditions import conditions


def test_a_latency_is_reported_with_what_it_depends_on(tokenizer: Tokenizer, split: Split) -> None:
    # Lengths 1 to 5 by turns over twelve rows are 33 words, and two marks a row.
    found = conditions(Latency(batch=4, threads=2, rounds=80), encode(tokenizer, split))
    assert (found["batch"], found["threads"], found["calls"]) == ("4", "2", "80")
    assert found["mean_tokens"] == "4.8"
    assert found["torch"] == version("torch")
    assert found["onnxruntime"] == version("onnxruntime")
    assert found["processor"]
    assert all(isinstance(value, str) for value in found.values())
