"""Conditions of the timings."""

from __future__ import annotations

from importlib.metadata import version

from tokenizers import Tokenizer

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.evaluation import Latency
from coldpress.evaluation.performance.conditions import timing_conditions
from coldpress.evaluation.performance.contention import MachineUse


def test_a_latency_is_reported_with_what_it_depends_on(tokenizer: Tokenizer, split: Split) -> None:
    # Twelve rows of 1 to 5 words are 33 words, plus two special tokens per row.
    machine = MachineUse(others=0.253, steal=0.0, waiting=None, load=1.5)
    latency = Latency(batch=4, threads=2, rounds=80)
    reported = timing_conditions(latency, encode(tokenizer, split), machine)
    assert (reported["batch"], reported["threads"], reported["calls"]) == ("4", "2", "80")
    assert reported["mean_tokens"] == "4.8"
    assert reported["torch"] == version("torch")
    assert reported["onnxruntime"] == version("onnxruntime")
    assert reported["processor"]
    assert (reported["load_average"], reported["processor_time_stolen"]) == ("1.50", "0%")
    assert reported["processor_time_used_by_others"] == "25%"
    assert "waiting_for_a_processor" not in reported
    assert all(isinstance(value, str) for value in reported.values())
