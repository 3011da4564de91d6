import pytest
import torch
from torch import nn

from coldpress.model.hooks import remove_hooks


def test_hooks_are_removed_also_by_an_error() -> None:
    calls = []
    linear = nn.Linear(2, 2)
    handle = linear.register_forward_hook(lambda *_: calls.append("called"))
    with pytest.raises(ZeroDivisionError), remove_hooks([handle]):
        linear(torch.zeros(2))
        raise ZeroDivisionError
    linear(torch.zeros(2))
    assert calls == ["called"]
