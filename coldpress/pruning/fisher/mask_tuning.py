"""Tuning of masks to restore the output of each sublayer (Kwon et al. 2022, section 4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.model.hooks import record_inputs
from coldpress.model.surgery import keep_layers
from coldpress.pruning.importance import BATCH_SIZE, eval_mode

MAX_MASK = 10.0
"""A larger mask is not a sensible fit: tuning ends there, as in the paper."""

DAMPING = 1e-3
"""Regularisation towards 1, as a share of the mean square of a unit's output."""


@dataclass(frozen=True)
class Sublayer:
    """Attention or feed-forward of one layer.

    Attributes:
        layer: Counted from 0.
        role: The linear module that sums the outputs of the units.
        norm: Path of the normalization that follows the residual connection.
        width: Features of a unit.
        first_token: True if the model only uses the first token of its output.
    """

    layer: int
    role: str
    norm: str
    width: int
    first_token: bool


def tune_masks(pruned: Classifier, source: Classifier, sample: EncodedSplit) -> None:
    """Rescale the remaining units, sublayer by sublayer from the embeddings up.

        argmin over m of || x + layer(x; m) - (x' + layer(x'; 1)) ||^2

    x' and layer(x'; 1) are the source's; x and layer are those of the pruned model, whose lower
    sublayers have already been tuned.

    Args:
        pruned: Changed in place: the masks are multiplied into the weights that read the units.
        source: The model before pruning.
        sample: Rows to fit the masks on.
    """
    for sublayer in sublayers(pruned):
        mask = _solve_mask(pruned, source, sublayer, sample)
        if mask.abs().max() > MAX_MASK or not mask.isfinite().all():
            return
        linear = pruned.linear(pruned.layers[sublayer.layer], sublayer.role)
        columns = mask.repeat_interleave(sublayer.width).to(linear.weight)
        linear.weight = nn.Parameter(linear.weight.detach() * columns)


def sublayers(classifier: Classifier) -> Iterator[Sublayer]:
    """List attention and feed-forward of every layer, from the embeddings up.

    Args:
        classifier: Any classifier.

    Yields:
        Two sublayers per layer.
    """
    table = classifier.architecture
    last = len(classifier.layers) - 1
    for layer in range(last + 1):
        norms = [f"{table.layer_path(layer)}.{norm}" for norm in table.norms.in_layer]
        if table.norms.final:
            # In a pre-norm family the residual sum goes into the next norm. After the feed-forward
            # this is the final norm, since `reconstruction_errors` cuts off the layers above.
            norms = [norms[1], f"{table.encoder}.{table.norms.final}"]
        first_token = layer == last and classifier.reads_first_token
        yield Sublayer(layer, "attention_output", norms[0], classifier.head_size, first_token)
        yield Sublayer(layer, "down", norms[1], 1, first_token)


def _solve_mask(
    pruned: Classifier, source: Classifier, sublayer: Sublayer, sample: EncodedSplit
) -> Tensor:
    """Solve for m = 1 + d, of shape (units,): (A^T A + damping) d = A^T r.

    A holds the contribution of each unit to each output at m = 1, and r the difference between the
    source's outputs and the pruned model's.
    """
    linear = pruned.linear(pruned.layers[sublayer.layer], sublayer.role)
    weight = linear.weight.detach().double().cpu()
    features = linear.in_features
    inner = torch.zeros(features, features).double()
    cross = torch.zeros(len(weight), features).double()
    for inputs, errors in reconstruction_errors(pruned, source, sublayer, sample):
        inner += inputs.T @ inputs
        cross += errors.T @ inputs
    gram, moment = normal_equations(weight, inner, cross, sublayer.width)
    # The lower bound keeps a mask of 1 for units whose output is always 0.
    damping = (DAMPING * gram.diagonal().mean()).clamp_min(torch.finfo(gram.dtype).tiny)
    change: Tensor = torch.linalg.solve(gram + damping * torch.eye(len(gram)), moment)
    return 1 + change


def normal_equations(
    weight: Tensor, inner: Tensor, cross: Tensor, width: int
) -> tuple[Tensor, Tensor]:
    """Return A^T A and A^T r without forming the many rows of A.

    Args:
        weight: W of the linear module that sums the units' outputs, (hidden, units * width).
        inner: x^T x of its inputs x, which are (tokens, units * width).
        cross: r^T x with the errors r, which are (tokens, hidden).
        width: Features of a unit.

    Returns:
        Shapes (units, units) and (units,).
    """
    # <W_i x_i, W_j x_j> over all tokens is the sum of block i, j of (W^T W) * (x^T x).
    products = (weight.T @ weight) * inner
    units = len(products) // width
    gram = products.view(units, width, units, width).sum((1, 3))
    return gram, (weight * cross).sum(0).view(units, width).sum(1)


def reconstruction_errors(
    pruned: Classifier, source: Classifier, sublayer: Sublayer, sample: EncodedSplit
) -> Iterator[tuple[Tensor, Tensor]]:
    """Compare the output of a sublayer in both models.

    Args:
        pruned: The model to tune.
        source: The model before pruning.
        sublayer: The sublayer to compare.
        sample: Rows to run both models on.

    Yields:
        The inputs of the pruned model's linear module, (tokens, features), and the source's
        residual sum minus the pruned model's, (tokens, hidden), without padding.
    """
    # The layers above play no part.
    below = range(sublayer.layer + 1)
    pruned = keep_layers(pruned, below)
    source = keep_layers(source, below)
    linear = pruned.linear(pruned.layers[sublayer.layer], sublayer.role)
    norm = pruned.module.get_submodule(sublayer.norm)
    source_norm = source.module.get_submodule(sublayer.norm)
    modules = (linear, norm, source_norm)
    with (
        torch.no_grad(),
        eval_mode(pruned.module),
        eval_mode(source.module),
        record_inputs(modules) as recorded,
    ):
        for batch in sample.batches(BATCH_SIZE):
            pruned.module(**pruned.inputs(batch))
            source.module(**source.inputs(batch))
            mask = torch.from_numpy(batch.attention_mask).bool()
            if sublayer.first_token:
                mask[:, 1:] = False
            inputs, output, target = (recorded[m].cpu()[mask] for m in modules)
            yield inputs, target - output
