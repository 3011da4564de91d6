"""Times and multiply-accumulates of nodes, from events as ONNX Runtime writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from coldpress.onnx.profiling.operators import OperatorTime, multiply_accumulates, operator_times

Shapes = Sequence[Sequence[int]]


def event(
    operator: str, microseconds: int = 0, inputs: Shapes = (), output: Sequence[int] = ()
) -> dict[str, Any]:
    """One run of a node."""
    shapes = {
        "input_type_shape": [{"float": shape} for shape in inputs],
        "output_type_shape": [{"float": output}],
    }
    return {"cat": "Node", "dur": microseconds, "args": {"op_name": operator, **shapes}}


def test_times_are_summed_by_operator() -> None:
    call = [event("MatMul", 5), event("Gelu", 2), event("MatMul", 3)]
    assert operator_times([call]) == (
        OperatorTime(operator="MatMul", count=2, microseconds=8.0, share=0.8),
        OperatorTime(operator="Gelu", count=1, microseconds=2.0, share=0.2),
    )


def test_calls_that_were_interrupted_do_not_count() -> None:
    """Eight calls: of each node the two fastest, 4 and 5 microseconds, or 1 and 1."""
    calls = [[event("MatMul", 4), event("Gelu", 9000)]]
    calls += [[event("MatMul", 9000), event("Gelu", 1)], [event("MatMul", 5), event("Gelu", 1)]]
    calls += [[event("MatMul", 9000), event("Gelu", 9000)]] * 5
    times = {entry.operator: entry.microseconds for entry in operator_times(calls)}
    assert times == {"MatMul": 4.5, "Gelu": 1.0}


def test_a_node_without_measurable_time_has_no_share() -> None:
    assert operator_times([[event("Shape", 0)]])[0].share == 0.0


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (event("DynamicQuantizeMatMul", 0, [(1, 5, 4)], (1, 5, 6)), 5 * 4 * 6),
        # Two queries and five keys of width 4.
        (
            event("MultiHeadAttention", 0, [(1, 2, 4), (1, 5, 4), (1, 5, 4)], (1, 2, 4)),
            2 * 2 * 5 * 4,
        ),
        # Queries, keys and values of 2 heads of width 2 in one input.
        (event("MultiHeadAttention", 0, [(1, 5, 2, 3, 2)], (1, 5, 4)), 2 * 5 * 5 * 4),
        (event("QAttention", 0, [(1, 5, 4)], (1, 5, 4)), 5 * 4 * 12 + 2 * 5 * 5 * 4),
        (event("Gelu", 0, [(1, 5, 4)], (1, 5, 4)), 0),
    ],
)
def test_multiply_accumulates_follow_from_shapes(node: dict[str, Any], expected: int) -> None:
    assert multiply_accumulates([node, node]) == 2 * expected
