"""What timings were taken on."""

from __future__ import annotations

from importlib.metadata import version

from tokenizers import Tokenizer

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.evaluation import Latency
from coldpress.evaluation.performance.conditions import timing_conditions
from coldpress.evaluation.performance.contention import MachineUse


def test_a_latency_is_reported_with_what_it_depends_on(tokenizer: Tokenizer, split: Split) -> None:
    # Lengths 1 to 5 by turns over twelve rows are 33 words, and two marks a row.
    machine = MachineUse(others=0.253, steal=0.0, waiting=None, load=1.5)
    asked = Latency(batch=4, threads=2, rounds=80)
    found = timing_conditions(asked, encode(tokenizer, split), machine)
    assert (found["batch"], found["threads"], found["calls"]) == ("4", "2", "80")
    assert found["mean_tokens"] == "4.8"
    assert found["torch"] == version("torch")
    assert found["onnxruntime"] == version("onnxruntime")
    assert found["processor"]
    assert (found["load_average"], found["processor_time_stolen"]) == ("1.50", "0%")
    assert found["processor_time_used_by_others"] == "25%"
    assert "waiting_for_a_processor" not in found
    assert all(isinstance(value, str) for value in found.values())
