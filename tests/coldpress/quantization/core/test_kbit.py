"""Rounding to k bits, by hand and compared with other scales."""

from __future__ import annotations

import pytest
import torch

from coldpress.quantization.core.kbit import (
    Granularity,
    best_scale,
    largest_integer,
    least_squares_scale,
    quantize_weight,
    round_weight,
)


def squared_error(weight: torch.Tensor, scale: torch.Tensor, bits: int) -> float:
    return float((weight - scale * round_weight(weight, scale, bits)).square().sum())


def test_integers_are_as_many_to_both_sides_of_zero() -> None:
    assert [largest_integer(bits) for bits in range(1, 9)] == [1, 1, 3, 7, 15, 31, 63, 127]


def test_one_bit_is_the_sign_and_the_mean_magnitude_as_in_xnor_net() -> None:
    weight = torch.tensor([[0.5, -1.5, 0.0, 2.0], [-4.0, 4.0, -8.0, 0.0]])
    integers, scale = quantize_weight(weight, 1, "channel")
    assert integers.tolist() == [[1, -1, 1, 1], [-1, 1, -1, 1]]
    assert scale.tolist() == [[1.0], [4.0]]
    _, alike = quantize_weight(weight, 1, "tensor")
    assert alike.tolist() == [[2.5], [2.5]]


def test_two_bits_clip_an_outlier_rather_than_lose_all_others() -> None:
    weight = torch.tensor([[1.0, -1.0, 1.0, -1.0, 1.0, 0.1, 0.0, 2.5]])
    integers, scale = quantize_weight(weight, 2, "tensor")
    assert integers.tolist() == [[1, -1, 1, -1, 1, 0, 0, 1]]
    assert scale.tolist() == [[1.25]]  # (5 * 1 + 2.5) / 6


def test_scaled_integers_are_recovered() -> None:
    integers = torch.tensor([[7.0, -3.0, 2.0, 0.0], [-7.0, 7.0, 5.0, 1.0]])
    scale = torch.tensor([[0.25], [3.0]])
    recovered, step = quantize_weight(integers * scale, 4, "channel")
    assert recovered.tolist() == integers.tolist()
    assert torch.allclose(step, scale)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("per", ["tensor", "channel"])
def test_no_other_scale_has_a_much_smaller_error(bits: int, per: Granularity) -> None:
    weight = torch.randn(4, 300, generator=torch.Generator().manual_seed(bits))
    best = squared_error(weight, best_scale(weight, bits, per), bits)
    dimensions = (1,) if per == "channel" else (0, 1)
    widest = weight.abs().amax(dimensions, keepdim=True) / largest_integer(bits)
    alternatives = [squared_error(weight, widest * share / 200, bits) for share in range(10, 201)]
    assert best <= 1.05 * min(alternatives)
    assert best < alternatives[-1] or bits == 8


def test_scales_per_channel_lose_less_than_one_per_tensor() -> None:
    weight = torch.randn(8, 64, generator=torch.Generator().manual_seed(0))
    weight *= torch.linspace(0.1, 2.0, 8)[:, None]
    for bits in range(1, 9):
        losses = [
            squared_error(weight, best_scale(weight, bits, per), bits)
            for per in ("channel", "tensor")
        ]
        assert losses[0] < losses[1]


@pytest.mark.parametrize("bits", range(1, 9))
def test_zeros_stay_zero(bits: int) -> None:
    integers, scale = quantize_weight(torch.zeros(2, 3), bits, "channel")
    assert (integers * scale).tolist() == [[0.0] * 3] * 2
    assert scale.isfinite().all()


def test_the_least_squares_scale() -> None:
    weight, integers = torch.tensor([[3.0, 1.0]]), torch.tensor([[2.0, 1.0]])
    assert least_squares_scale(weight, integers, "channel").tolist() == [[pytest.approx(7 / 5)]]
    assert least_squares_scale(weight, integers * 0, "channel").tolist() == [[1.0]]


def test_a_gradient_can_be_passed_straight_through() -> None:
    weight = torch.tensor([[0.4, -0.9]], requires_grad=True)
    scale = best_scale(weight.detach(), 2, "tensor")
    rounded = round_weight(weight, scale, 2) * scale
    output = weight + (rounded - weight).detach()
    (gradient,) = torch.autograd.grad(output.sum(), weight)
    assert gradient.tolist() == [[1.0, 1.0]]
