"""The share of a batch that a rank computes, and the outputs of all ranks for the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

import torch
from torch import Tensor

from coldpress import ranks
from coldpress.data.encoding import Batch
from coldpress.model.activations import Activations


@dataclass(frozen=True)
class BatchShare:
    """What this rank computes of a batch: all of it in a single process.

    Attributes:
        batch: The whole batch.
    """

    batch: Batch

    @cached_property
    def rows(self) -> slice:
        """The rows of the batch that this rank computes."""
        return ranks.own_rows(len(self.batch.rows))

    @cached_property
    def own(self) -> Batch:
        """These rows, padded as in the whole batch."""
        batch, rows = self.batch, self.rows
        places = None if batch.places is None else batch.places.part(rows)
        ids, mask, types = (
            array[rows] for array in (batch.input_ids, batch.attention_mask, batch.token_type_ids)
        )
        return Batch(ids, mask, types, batch.rows[rows], places)

    @property
    def is_divided(self) -> bool:
        """False if this rank computes the whole batch: alone, or like all others."""
        return len(self.own.rows) < len(self.batch.rows)

    def gather_rows(self, own: Tensor, start: int, total: int) -> Tensor:
        """Join rows or units of all ranks; see `ranks.gather_rows`."""
        return ranks.gather_rows(own, start, total) if self.is_divided else own

    def gather_logits(self, own: Tensor) -> Tensor:
        """Join the logits of all ranks.

        Args:
            own: Of this rank's units, shape (own units, labels).

        Returns:
            Shape (units, labels), in the order of the batch's units.
        """
        places = self.batch.places
        units = self.rows if places is None else places.units_of(self.rows)
        return self.gather_rows(own, units.start, len(self.batch.units))

    def gather_activations(self, own: Activations) -> Activations:
        """Join the activations of all ranks, of each layer when it is first read.

        Args:
            own: Of this rank's rows.
        """
        mask = torch.from_numpy(self.batch.attention_mask).to(own.logits.device).bool()
        return replace(
            own,
            logits=self.gather_logits(own.logits),
            hidden_states=_GatheredLayers(own.hidden_states, self),
            queries=_GatheredLayers(own.queries, self),
            keys=_GatheredLayers(own.keys, self),
            values=_GatheredLayers(own.values, self),
            token_mask=mask,
        )


class _GatheredLayers(Sequence[Tensor]):
    """Tensors of shape (batch, tokens, ...); a loss that reads few of them sends only those."""

    def __init__(self, own: Sequence[Tensor], share: BatchShare) -> None:
        self._own = own
        self._share = share
        self._gathered: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._own)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[layer] for layer in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Tensor: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Tensor, ...]: ...

    def __getitem__(self, index: int | slice) -> Tensor | tuple[Tensor, ...]:
        layers = range(len(self))[index]
        if isinstance(layers, range):
            return tuple(self[layer] for layer in layers)
        if layers not in self._gathered:
            share = self._share
            self._gathered[layers] = share.gather_rows(
                self._own[layers], share.rows.start, len(share.batch.rows)
            )
        return self._gathered[layers]
