"""Exclude parameters and tokens from training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from coldpress.model.classifier import Classifier
from coldpress.model.factored_embedding import FactoredEmbedding
from coldpress.model.hooks import remove_hooks


@contextmanager
def freeze_embeddings(classifier: Classifier, freeze: bool) -> Iterator[None]:
    """Freeze the embedding tables inside the context, and unfreeze them afterwards.

    Args:
        classifier: The classifier that is trained inside the context.
        freeze: False does nothing.
    """
    embeddings = classifier.encoder.get_submodule(classifier.architecture.embeddings.module)
    # The second factor of a table is no table, and as quick to train as any small matrix.
    factors = [module for module in embeddings.modules() if isinstance(module, FactoredEmbedding)]
    trained = {id(factor.projection.weight) for factor in factors}
    # Parameters that were frozen before stay frozen afterwards.
    parameters = [
        p for p in embeddings.parameters() if freeze and p.requires_grad and id(p) not in trained
    ]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


@contextmanager
def only_first_token(classifier: Classifier) -> Iterator[None]:
    """Compute the last layer, after its attention, for the first token only.

    An output head that reads the first token ignores all others, so logits and gradients do not
    change. Inputs (batch, tokens, width) of the attention output and of the up projections
    become (batch, 1, width); the residual sums broadcast them, so the other tokens hold meaningless
    values that nothing reads. Classifiers whose head reads other tokens are not changed.

    Args:
        classifier: The classifier that is trained inside the context.
    """

    def take_first(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (inputs[0][:, :1],)

    hooks = []
    if classifier.reads_first_token:
        for role in ("attention_output", *classifier.architecture.up_roles):
            linear = classifier.linear(classifier.layers[-1], role)
            hooks.append(linear.register_forward_pre_hook(take_first))
    with remove_hooks(hooks):
        yield
