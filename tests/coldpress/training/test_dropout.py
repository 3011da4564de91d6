import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from coldpress.training.dropout import dropout, fast_dropout


def test_elements_become_zero_or_grow_so_that_the_mean_stays() -> None:
    """Of a million ones, a quarter becomes 0 and the others 4 / 3; a standard error is 0.0004."""
    torch.manual_seed(0)
    result = dropout(torch.ones(1000, 1000), 0.25)
    assert set(result.flatten().tolist()) == {0.0, result.max().item()}
    assert result.max().item() == pytest.approx(4 / 3)
    assert float((result == 0).float().mean()) == pytest.approx(0.25, abs=0.002)
    assert float(result.mean()) == pytest.approx(1.0, abs=0.003)


def test_neighbors_are_dropped_independently() -> None:
    """Four elements share a random number of 64 bits; both of a pair are zero in 0.25 of cases."""
    torch.manual_seed(0)
    zeros = (dropout(torch.ones(400_000), 0.5) == 0).view(-1, 4).float()
    together = zeros.T @ zeros / len(zeros)
    expected = torch.full((4, 4), 0.25).fill_diagonal_(0.5)
    torch.testing.assert_close(together, expected, atol=0.008, rtol=0)


def test_gradients_are_those_of_the_kept_elements() -> None:
    torch.manual_seed(0)
    states = torch.ones(3, 5, requires_grad=True)
    result = dropout(states, 0.5)
    result.sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(states.grad, result.detach())


@given(st.lists(st.integers(1, 7), min_size=1, max_size=3), st.floats(0, 0.99))
def test_shape_and_type_are_kept(shape: list[int], rate: float) -> None:
    result = dropout(torch.ones(shape, dtype=torch.bfloat16), rate)
    assert result.shape == tuple(shape)
    assert result.dtype == torch.bfloat16


def test_modules_use_it_inside_the_context_only() -> None:
    """In evaluation mode nothing is dropped; outside of the context it is PyTorch's dropout."""
    module = nn.Sequential(nn.Identity(), nn.Dropout(0.5))
    ones = torch.ones(64)

    def results(seed: int) -> list[float]:
        torch.manual_seed(seed)
        values: list[float] = module(ones).tolist()
        return values

    usual = results(1)
    with fast_dropout():
        inside = results(1)
        torch.manual_seed(1)
        assert inside == dropout(ones, 0.5).tolist() != usual
        assert module.eval()(ones).tolist() == ones.tolist()
        module.train()
    assert results(1) == usual


@pytest.mark.parametrize(("rate", "expected"), [(0.0, [1.0, 1.0, 1.0]), (1.0, [0.0, 0.0, 0.0])])
def test_rates_of_0_and_1_need_no_random_numbers(rate: float, expected: list[float]) -> None:
    module = nn.Dropout(rate)
    with fast_dropout():
        assert module(torch.ones(3)).tolist() == expected


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_of_the_context_replaces_that_of_every_module(rate: float) -> None:
    """With 0.5 and 0.1, some of 64 elements would be zero and some would not."""
    module = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.1))
    with fast_dropout(rate):
        result = module(torch.ones(64))
    assert set(result.tolist()) == {1.0 - rate}
