from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.model.classifier import Classifier
from coldpress.onnx import layer_latency
from coldpress.onnx.layer_latency import knots


def test_a_models_time_is_divided_among_its_layers() -> None:
    # Two layers of three: 4 ms more for a second head each, 2 for a third.
    assert knots([1, 2, 3], np.array([10.0, 14, 16]), [3, 3]) == ((1, 0.0), (2, 2.0), (3, 3.0))


def test_a_layer_without_the_units_has_no_share() -> None:
    # Only the second layer has heads two to four: 3 ms for a second, 4 for two more.
    assert knots([1, 2, 4], np.array([1.0, 4, 8]), [1, 4]) == ((1, 0.0), (2, 3.0), (4, 7.0))


def test_decreasing_times_are_smoothed() -> None:
    # 5 and 3 become 4 and 4.
    assert knots([1, 2, 3], np.array([1.0, 5, 3]), [3]) == ((1, 0.0), (2, 3.0), (3, 3.0))


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=12))
def test_more_units_never_take_less_time(times: list[float]) -> None:
    table = knots(range(1, len(times) + 1), np.array(times), [len(times)] * 2)
    milliseconds = [entry for _, entry in table]
    assert milliseconds == sorted(milliseconds)


def test_one_unit_is_a_table_of_one_entry() -> None:
    assert knots([1], np.array([2.0]), [1, 1]) == ((1, 0.0),)


def test_a_table_has_the_cpu_share_of_its_measurement(
    tiny: Classifier, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_latency, "_SECONDS", 0.0)
    table = layer_latency.measure_layer_latency(tiny, encode(tiny.tokenizer, split))
    assert 0 < table.cpu_share <= 1
    assert table.smallest > 0
