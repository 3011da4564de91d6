"""Observe the inputs of linear modules while a classifier reads training texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit
from coldpress.data.equal_lengths import unpadded_batches
from coldpress.model.classifier import Classifier
from coldpress.quantization.arithmetic.int8_linear.module import observed_tokens
from coldpress.quantization.core.convert import Ranges, first_token_paths, modules_of_type

_BATCH_SIZE = 64


def activation_ranges(classifier: Classifier, rows: EncodedSplit, examples: int) -> Ranges:
    """Measure the range of every linear module's input.

    Args:
        classifier: In float32; in evaluation mode.
        rows: Training rows.
        examples: Number of rows to read, sampled evenly over the split.

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
        examples: Number of rows to read, sampled evenly over the split.

    Returns:
        Smallest and largest values, two float32 tensors of shape (in,), by the module's path.
    """
    ranges: dict[str, tuple[Tensor, Tensor]] = {}

    def widen(path: str, tokens: Tensor) -> None:
        low = tokens.amin(0)
        high = tokens.amax(0)
        before = ranges.get(path, (low, high))
        ranges[path] = (torch.minimum(before[0], low), torch.maximum(before[1], high))

    _observe_inputs(classifier, rows, examples, widen)
    return ranges


@torch.inference_mode()
def mean_magnitudes(classifier: Classifier, rows: EncodedSplit, examples: int) -> dict[str, float]:
    """Measure the mean magnitude of every linear module's input.

    Args:
        classifier: In evaluation mode.
        rows: Training rows.
        examples: Number of rows to read, sampled evenly over the split.

    Returns:
        The mean of |x|, by the module's path.
    """
    sums = defaultdict[str, float](float)
    counts = defaultdict[str, int](int)

    def add(path: str, tokens: Tensor) -> None:
        sums[path] += float(tokens.abs().sum(dtype=torch.float64))
        counts[path] += tokens.numel()

    _observe_inputs(classifier, rows, examples, add)
    return {path: total / counts[path] for path, total in sums.items()}


def _observe_inputs(
    classifier: Classifier,
    rows: EncodedSplit,
    examples: int,
    observe: Callable[[str, Tensor], None],
) -> None:
    """Call `observe` with each linear module's path and input of shape (tokens, in), per batch."""
    first = first_token_paths(classifier)
    with ExitStack() as hooks:
        for path, linear in modules_of_type(classifier, nn.Linear).items():
            hook = _input_hook(observe, path, first_token=path in first)
            hooks.callback(linear.register_forward_pre_hook(hook).remove)
        # Padding would widen the ranges.
        for batch in unpadded_batches(rows.sample_evenly(examples), _BATCH_SIZE):
            classifier.module(**classifier.inputs(batch))


def _input_hook(
    observe: Callable[[str, Tensor], None], path: str, *, first_token: bool
) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        observe(path, observed_tokens(inputs[0], first_token=first_token).flatten(0, -2))

    return hook
