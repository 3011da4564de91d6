"""Watch what arrives at the linear modules while a classifier reads training text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor, nn

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.quantization.core.convert import Ranges, first_token_paths, modules_of_type
from coldpress.quantization.core.modules import observed_tokens

_BATCH_SIZE = 64


def activation_ranges(classifier: Classifier, rows: EncodedSplit, examples: int) -> Ranges:
    """Measure the range of every linear module's input.

    Args:
        classifier: In float32; in evaluation mode.
        rows: Training rows.
        examples: How many of them to read, spread evenly over the split.

    Returns:
        Smallest and largest value, two float32 scalars, by the module's path.
    """
    channels = channel_ranges(classifier, rows, examples)
    return {path: (low.amin(), high.amax()) for path, (low, high) in channels.items()}


@torch.inference_mode()
def channel_ranges(classifier: Classifier, rows: EncodedSplit, examples: int) -> Ranges:
    """Measure the range of each channel of every linear module's input.

    Args:
        classifier: In float32; in evaluation mode.
        rows: Training rows.
        examples: How many of them to read, spread evenly over the split.

    Returns:
        Smallest and largest values, two float32 tensors of shape (in,), by the module's path.
    """
    spans: dict[str, tuple[Tensor, Tensor]] = {}

    def widen(path: str, seen: Tensor) -> None:
        low, high = seen.amin(0), seen.amax(0)
        before = spans.get(path, (low, high))
        spans[path] = (torch.minimum(before[0], low), torch.maximum(before[1], high))

    _observe_inputs(classifier, rows, examples, widen)
    return spans


@torch.inference_mode()
def mean_magnitudes(classifier: Classifier, rows: EncodedSplit, examples: int) -> dict[str, float]:
    """Measure how large every linear module's input is on average.

    Args:
        classifier: In evaluation mode.
        rows: Training rows.
        examples: How many of them to read, spread evenly over the split.

    Returns:
        The mean of |x|, by the module's path.
    """
    sums, counts = defaultdict[str, float](float), defaultdict[str, int](int)

    def add(path: str, seen: Tensor) -> None:
        sums[path] += float(seen.abs().sum(dtype=torch.float64))
        counts[path] += seen.numel()

    _observe_inputs(classifier, rows, examples, add)
    return {path: total / counts[path] for path, total in sums.items()}


def _observe_inputs(
    classifier: Classifier, rows: EncodedSplit, examples: int, see: Callable[[str, Tensor], None]
) -> None:
    """Show what arrives at every linear module, of shape (tokens, in), batch by batch."""
    first = first_token_paths(classifier)
    with ExitStack() as hooks:
        for path, linear in modules_of_type(classifier, nn.Linear).items():
            hook = _input_hook(see, path, first_token=path in first)
            hooks.callback(linear.register_forward_pre_hook(hook).remove)
        for batch in _unpadded_batches(rows, examples):
            classifier.module(**classifier.inputs(batch))


def _input_hook(
    see: Callable[[str, Tensor], None], path: str, *, first_token: bool
) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def hook(_module: nn.Module, arriving: tuple[Tensor, ...]) -> None:
        see(path, observed_tokens(arriving[0], first_token=first_token).flatten(0, -2))

    return hook


def _unpadded_batches(rows: EncodedSplit, examples: int) -> Iterator[Batch]:
    """Batches of rows of one length, as padding would widen the ranges."""
    chosen = np.linspace(0, len(rows) - 1, min(examples, len(rows))).round().astype(int)
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for row in chosen.tolist():
        by_length[len(rows.input_ids[row])].append(row)
    for _, alike in sorted(by_length.items()):
        for start in range(0, len(alike), _BATCH_SIZE):
            yield rows.batch(alike[start : start + _BATCH_SIZE])
