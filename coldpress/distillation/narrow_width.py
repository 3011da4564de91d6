"""A narrower student in the principal components of its teacher's hidden states.

Ashkboos et al. 2024, "SliceGPT", section 3.4: of all projections on as many dimensions, principal
components keep most of the hidden states. A normalization scales single dimensions, so that it does
not commute with a rotation; here, its scale and bias are fitted by least squares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit
from coldpress.model.activations import record_activations
from coldpress.model.classifier import Classifier
from coldpress.model.hooks import record_inputs
from coldpress.model.normalization import Norm, bias_of, normalize
from coldpress.model.rotation import rotate_weights
from coldpress.model.surgery import keep_width

_BATCH_SIZE = 32


@torch.no_grad()
def project_width(classifier: Classifier, width: int, rows: EncodedSplit) -> Classifier:
    """Return a narrower copy that computes about the same.

    Args:
        classifier: The source; in evaluation mode.
        width: Hidden size of the copy.
        rows: Texts to measure hidden states on.
    """
    components = principal_components(classifier, rows)
    components[:, :width] = components[:, :width] @ _spreading_rotation(width).to(components)
    narrow = keep_width(rotate_weights(classifier, components), range(width))
    for path in _norm_paths(classifier):
        _fit_norm(narrow, classifier, path, components[:, :width], rows)
    return narrow


def principal_components(classifier: Classifier, rows: EncodedSplit) -> Tensor:
    """Compute the basis of hidden states in which the first dimensions have the largest squares.

    Args:
        classifier: In evaluation mode.
        rows: Texts; states of all unpadded tokens after the embeddings and each layer are used.

    Returns:
        Orthogonal, shape (width, width); its columns are the components, largest first.
    """
    width = int(classifier.config.hidden_size)
    products = torch.zeros(width, width, dtype=torch.float64)
    for batch in rows.batches(_BATCH_SIZE):
        states = record_activations(classifier, batch)
        for state in states.hidden_states:
            tokens = state[states.token_mask].double().cpu()
            products += tokens.T @ tokens
    # Ascending eigenvalues; columns are eigenvectors.
    components: Tensor = torch.linalg.eigh(products).eigenvectors.flip(1).float()
    return components.to(next(classifier.module.parameters()).device)


def _spreading_rotation(width: int) -> Tensor:
    """Return an orthogonal matrix that spreads all dimensions but the last over the new ones.

    One scale of an activation in int8 then fits all of them (Ashkboos et al. 2024, "QuaRot"). The
    last dimension becomes the mean, which a layer normalization subtracts: the others lose nothing.
    """
    generator = torch.Generator().manual_seed(0)
    columns = torch.randn(width, width, generator=generator, dtype=torch.float64)
    columns[:, 0] = 1.0
    rows: Tensor = torch.linalg.qr(columns).Q.T
    return rows.roll(-1, dims=0).float()


def _norm_paths(classifier: Classifier) -> Iterator[str]:
    """Yield the paths inside the encoder of all normalizations, in the order of computation."""
    table = classifier.architecture
    projected = table.embeddings.projection in dict(classifier.encoder.named_modules())
    if table.embeddings.norm and not projected:
        yield table.embeddings.norm
    for number, layer in enumerate(classifier.layers):
        for norm in table.norms.in_layer:
            if not isinstance(layer.get_submodule(norm), nn.Identity):
                yield f"{table.layers}.{number}.{norm}"
    if table.norms.final:
        yield table.norms.final


def _fit_norm(
    narrow: Classifier, source: Classifier, path: str, components: Tensor, rows: EncodedSplit
) -> None:
    """Set scale and bias of a normalization so that its outputs are nearest to the source's.

    Args:
        narrow: Changed in place.
        source: Its outputs are projected.
        path: Of the normalization inside both encoders.
        components: Shape (source width, width).
        rows: Texts.
    """
    norm, wide = (cast("Norm", m.encoder.get_submodule(path)) for m in (narrow, source))
    inputs, outputs = _input_of(narrow, norm, rows), _input_of(source, wide, rows)
    inputs = normalize(norm, inputs, None, None, cast("float", norm.eps))
    outputs = wide(outputs)
    if _is_folded(source, path):
        outputs = torch.where(wide.weight == 0, 0.0, outputs / wide.weight)
    own_bias = bias_of(norm)
    scale, bias = _least_squares(inputs, outputs @ components, own_bias is not None)
    norm.weight.copy_(scale)
    if own_bias is not None:
        own_bias.copy_(bias)


def _is_folded(classifier: Classifier, path: str) -> bool:
    """True if the modules that follow a normalization contain its scale."""
    norms = classifier.architecture.norms
    before = norms.before_sublayers and path.startswith(classifier.architecture.layers)
    return before or path == norms.final


def _least_squares(inputs: Tensor, targets: Tensor, with_bias: bool) -> tuple[Tensor, Tensor]:
    """Fit targets = scale * inputs + bias in each dimension.

    Args:
        inputs: Shape (tokens, width).
        targets: The same shape.
        with_bias: False: the bias is 0.

    Returns:
        Scale and bias, shape (width,).
    """
    share = 1.0 if with_bias else 0.0
    input_mean, target_mean = share * inputs.mean(0), share * targets.mean(0)
    centred = inputs - input_mean
    scale = (centred * (targets - target_mean)).sum(0) / (centred * centred).sum(0).clamp_min(1e-6)
    return scale, target_mean - scale * input_mean


def _input_of(classifier: Classifier, module: nn.Module, rows: EncodedSplit) -> Tensor:
    """Return the inputs of a module for all unpadded tokens, shape (tokens, width)."""
    parts: list[Tensor] = []
    for batch in rows.batches(_BATCH_SIZE):
        with record_inputs([module]) as inputs:
            classifier.module(**classifier.inputs(batch))
        mask = torch.from_numpy(batch.attention_mask).bool()
        parts.append(inputs[module][mask.to(inputs[module].device)])
    return torch.cat(parts)
