"""The teacher's vectors as targets for students with shorter vectors.

The principal components of the training texts' vectors, without centring, preserve the products of
vectors best among all projections of their size (Eckart & Young 1936), and so their cosines.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from coldpress.errors import InputError


@dataclass(frozen=True)
class Projection:
    """Principal components of vectors.

    Attributes:
        components: Orthonormal rows, the most important first, shape (dimension, width).
    """

    components: Tensor

    def apply(self, vectors: Tensor, normalize: bool) -> Tensor:
        """Shorten vectors.

        Args:
            vectors: Shape (texts, width).
            normalize: Divide each by its length afterwards, as the model does.

        Returns:
            Shape (texts, dimension).
        """
        short = vectors @ self.components.T
        return torch.nn.functional.normalize(short, dim=1) if normalize else short


def fit_projection(vectors: Tensor, dimension: int) -> Projection:
    """Compute principal components without centring.

    Args:
        vectors: Of the training texts, shape (texts, width).
        dimension: Number of components; at most the width.

    Returns:
        The components; the largest entry of each is positive, so that they are unique.

    Raises:
        InputError: The dimension is larger than the width.
    """
    width = vectors.shape[1]
    if dimension > width:
        raise InputError(
            f"distill.student.dimension: {dimension}, but the teacher's vectors have {width}"
        )
    values = vectors.double()
    _, columns = torch.linalg.eigh(values.T @ values)  # ascending
    components = columns.flip(1)[:, :dimension].T
    largest = components.gather(1, components.abs().argmax(dim=1, keepdim=True))
    return Projection(torch.as_tensor(components * largest.sign(), dtype=torch.float32))
