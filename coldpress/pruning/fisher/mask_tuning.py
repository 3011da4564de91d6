"""How much of each kept unit gives the layer its old output (Kwon et al. 2022, section 4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.model.surgery import keep_layers
from coldpress.pruning.importance import BATCH_SIZE, capture_inputs, eval_mode

MAX_MASK = 10.0
"""A mask beyond it has been fitted to nothing: tuning ends there, as in the paper."""

DAMPING = 1e-3
"""Pull towards 1, as a share of the mean square of a unit's output."""


@dataclass(frozen=True)
class Sublayer:
    """Attention or feed-forward of one layer.

    Attributes:
        layer: Counted from the embeddings.
        role: The linear module that sums its units' outputs.
        norm: Path of the normalization that the residual sum goes into.
        width: Features of a unit.
        first_token: Whether what leaves it counts at the first token alone.
    """

    layer: int
    role: str
    norm: str
    width: int
    first_token: bool


def tune_masks(pruned: Classifier, source: Classifier, sample: EncodedSplit) -> None:
    """Rescale what stays, sublayer by sublayer from the embeddings up.

        argmin over m of || x + layer(x; m) - (x' + layer(x'; 1)) ||^2

    x' and layer(x'; 1) are the source's, x and layer the pruned model's, tuned below already.

    Args:
        pruned: Changed in place: the masks are multiplied into the weights that read the units.
        source: What it was pruned from.
        sample: Rows to fit on.
    """
    for sublayer in sublayers(pruned):
        mask = _solve_mask(pruned, source, sublayer, sample)
        if mask.abs().max() > MAX_MASK or not mask.isfinite().all():
            return
        linear = pruned.linear(pruned.layers[sublayer.layer], sublayer.role)
        columns = mask.repeat_interleave(sublayer.width).to(linear.weight)
        linear.weight = nn.Parameter(linear.weight.detach() * columns)


def sublayers(classifier: Classifier) -> Iterator[Sublayer]:
    """Name attention and feed-forward of every layer, from the embeddings up.

    Args:
        classifier: Any.

    Yields:
        Two a layer.
    """
    table, last = classifier.architecture, len(classifier.layers) - 1
    for layer in range(last + 1):
        at = f"{table.encoder}.{table.layers}.{layer}"
        norms = (f"{at}.{table.attention_norm}", f"{at}.{table.output_norm}")
        if table.final_norm:
            # Those of the layer come before; the last follows at once, as nothing lies above.
            norms = (norms[1], f"{table.encoder}.{table.final_norm}")
        first_token = layer == last and classifier.reads_first_token
        yield Sublayer(layer, "attention_output", norms[0], classifier.head_size, first_token)
        yield Sublayer(layer, "down", norms[1], 1, first_token)


def _solve_mask(
    pruned: Classifier, source: Classifier, sublayer: Sublayer, sample: EncodedSplit
) -> Tensor:
    """Solve for m = 1 + d, of shape (units,): (A^T A + damping) d = A^T r.

    A has what each unit adds to each output at m = 1, r what these are short of the source's.
    """
    linear = pruned.linear(pruned.layers[sublayer.layer], sublayer.role)
    weight, features = linear.weight.detach().double().cpu(), linear.in_features
    inner = torch.zeros(features, features).double()
    cross = torch.zeros(len(weight), features).double()
    for inputs, missing in reconstruction_errors(pruned, source, sublayer, sample):
        inner += inputs.T @ inputs
        cross += missing.T @ inputs
    gram, short = normal_equations(weight, inner, cross, sublayer.width)
    # Units that put nothing out at all keep a mask of 1.
    pull = (DAMPING * gram.diagonal().mean()).clamp_min(torch.finfo(gram.dtype).tiny)
    change: Tensor = torch.linalg.solve(gram + pull * torch.eye(len(gram)), short)
    return 1 + change


def normal_equations(
    weight: Tensor, inner: Tensor, cross: Tensor, width: int
) -> tuple[Tensor, Tensor]:
    """Return A^T A and A^T r without the many rows of A.

    Args:
        weight: W of the linear module that sums the units' outputs, (hidden, units * width).
        inner: x^T x of what it is given, x being (tokens, units * width).
        cross: r^T x of what is missing, r being (tokens, hidden).
        width: Features of a unit.

    Returns:
        Shapes (units, units) and (units,).
    """
    # <W_i x_i, W_j x_j> over all tokens is the sum of block i, j of (W^T W) * (x^T x).
    products = (weight.T @ weight) * inner
    units = len(products) // width
    square = products.view(units, width, units, width).sum((1, 3))
    return square, (weight * cross).sum(0).view(units, width).sum(1)


def reconstruction_errors(
    pruned: Classifier, source: Classifier, sublayer: Sublayer, sample: EncodedSplit
) -> Iterator[tuple[Tensor, Tensor]]:
    """Compare a sublayer in both models.

    Args:
        pruned: The model to tune.
        source: What it was pruned from.
        sublayer: Where to look.
        sample: Rows to answer.

    Yields:
        What the pruned linear module is given, (tokens, features), and what its residual sum
        is short of the source's, (tokens, hidden); padding is left out.
    """
    # What lies above has no part in it.
    below = range(sublayer.layer + 1)
    pruned, source = keep_layers(pruned, below), keep_layers(source, below)
    linear = pruned.linear(pruned.layers[sublayer.layer], sublayer.role)
    norm, wanted = (each.module.get_submodule(sublayer.norm) for each in (pruned, source))
    with (
        torch.no_grad(),
        eval_mode(pruned.module),
        eval_mode(source.module),
        capture_inputs([linear, norm, wanted]) as seen,
    ):
        for batch in sample.batches(BATCH_SIZE):
            seen.clear()
            pruned.module(**pruned.inputs(batch))
            source.module(**source.inputs(batch))
            real = torch.from_numpy(batch.attention_mask).bool()
            if sublayer.first_token:
                real[:, 1:] = False
            inputs, found, target = (each.cpu()[real] for each in seen)
            yield inputs, target - found
