"""What training leaves out: tables that stay as they are, and tokens that no head reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from coldpress.model.classifier import Classifier


@contextmanager
def freeze_embeddings(classifier: Classifier, freeze: bool) -> Iterator[None]:
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
def only_first_token(classifier: Classifier) -> Iterator[None]:
    """Spare the last layer the tokens that no head reads: behind attention the first alone counts.

    A head that reads the mean of all tokens is spared nothing. Gradients and logits stay what they
    were. What arrives becomes (batch, 1, width); the residual
    sums broadcast it, so that the other tokens hold numbers of no meaning, and nothing reads them.

    Args:
        classifier: What is trained inside of the context.
    """

    def first(_: nn.Module, arriving: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (arriving[0][:, :1],)

    roles = ("attention_output", *classifier.architecture.up_roles)
    behind = [classifier.linear(classifier.layers[-1], role) for role in roles]
    spared = behind if classifier.reads_first_token else []
    hooks = [linear.register_forward_pre_hook(first) for linear in spared]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
