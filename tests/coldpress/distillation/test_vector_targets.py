from __future__ import annotations

import pytest
import torch

from coldpress.distillation.vector_targets import fit_projection
from coldpress.errors import InputError


def test_the_components_are_those_of_the_largest_products() -> None:
    """The second dimension is the largest, then the first; the third is empty."""
    vectors = torch.tensor([[1.0, 4.0, 0.0], [-1.0, 4.0, 0.0]])
    components = fit_projection(vectors, 2).components
    assert torch.allclose(components, torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), atol=1e-6)


def test_vectors_in_a_plane_lose_no_products() -> None:
    torch.manual_seed(0)
    vectors = torch.randn(40, 2) @ torch.randn(2, 6)
    short = fit_projection(vectors, 2).apply(vectors, normalize=False)
    assert short.shape == (40, 2)
    assert torch.allclose(short @ short.T, vectors @ vectors.T, rtol=1e-3, atol=1e-4)


def test_shortened_vectors_can_be_normalized() -> None:
    torch.manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(40, 6), dim=1)
    short = fit_projection(vectors, 3).apply(vectors, normalize=True)
    assert torch.allclose(short.norm(dim=1), torch.ones(40))


def test_more_dimensions_than_the_teacher_has_are_refused() -> None:
    with pytest.raises(InputError, match=r"^distill.student.dimension: 4, but .* vectors have 3$"):
        fit_projection(torch.eye(3), 4)
