"""What training leaves out: tables that stay as they are, and tokens that no head reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from coldpress.model import Classifier


@contextmanager
def frozen(classifier: Classifier, freeze: bool) -> Iterator[None]:
    """Keep the embedding tables out of the gradient, and give back what was trainable before.

    Args:
        classifier: What is trained inside of the context.
        freeze: Whether to.
    """
    tables = classifier.encoder.get_submodule(classifier.architecture.embeddings)
    frozen = [p for p in tables.parameters() if freeze and p.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)


@contextmanager
def first_token_alone(classifier: Classifier) -> Iterator[None]:
    """Spare the last layer the tokens that no head reads: behind attention the first alone counts.

    Gradients and logits stay what they were. What arrives becomes (batch, 1, width); the residual
    sums broadcast it, so that the other tokens hold numbers of no meaning, and nothing reads them.

    Args:
        classifier: What is trained inside of the context.
    """

    def first(_: nn.Module, arriving: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (arriving[0][:, :1],)

    behind = [classifier.linear(classifier.layers[-1], r) for r in ("attention_output", "up")]
    hooks = [linear.register_forward_pre_hook(first) for linear in behind]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
