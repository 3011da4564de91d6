from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.distillation.narrow_width import project_width
from coldpress.kinds import KINDS
from coldpress.model.activations import record_activations
from coldpress.model.classifier import Classifier
from coldpress.model.output_head import attach_head
from coldpress.model.sentence_head import SentenceHead, write_head
from coldpress.model.surgery import keep_width

FAMILIES = ("bert", "distilbert", "roberta", "mpnet", "modernbert", "eurobert")


@torch.no_grad()
def confine(classifier: Classifier, dimensions: int) -> Tensor:
    """Let the model write into a random subspace only, whose vectors have a mean of 0.

    Returns:
        The subspace's projection, shape (width, width).
    """
    width = int(classifier.config.hidden_size)
    basis = torch.randn(width, dimensions)
    basis = torch.linalg.qr(basis - basis.mean(0)).Q
    projection: Tensor = basis @ basis.T
    table = classifier.architecture
    for path in (table.embeddings.words, table.embeddings.positions, table.embeddings.segments):
        if path and path in dict(classifier.encoder.named_modules()):
            weight = classifier.encoder.get_parameter(f"{path}.weight")
            weight.copy_(weight @ projection)
    for layer in classifier.layers:
        for role in ("attention_output", "down"):
            linear = classifier.linear(layer, role)
            linear.weight.copy_(projection @ linear.weight)
            if linear.bias is not None:
                linear.bias.copy_(linear.bias @ projection)
    for module in classifier.module.modules():
        if isinstance(module, nn.LayerNorm | nn.RMSNorm):
            module.weight.fill_(1.5)
            if isinstance(module, nn.LayerNorm) and isinstance(module.bias, Tensor):
                module.bias.zero_()
    return projection


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


@pytest.mark.parametrize("family", FAMILIES)
def test_states_of_a_subspace_are_kept_whole(
    family: str, random_classifier: Callable[..., Classifier], rows: EncodedSplit
) -> None:
    """Seven dimensions of any basis fit into eight of sixteen, of which one is the mean."""
    wide = random_classifier(family)
    confine(wide, 7)
    narrow = project_width(wide, 8, rows)
    batch = rows.batch(range(4))
    own, expected = (record_activations(model, batch) for model in (narrow, wide))
    for name in ("queries", "keys", "values"):
        for layer in range(3):
            torch.testing.assert_close(
                getattr(own, name)[layer], getattr(expected, name)[layer], atol=1e-2, rtol=1e-2
            )


def test_logits_follow_from_the_states(tiny: Classifier, rows: EncodedSplit) -> None:
    """The classification head reads eight of sixteen features, as the narrower one can."""
    confine(tiny, 7)
    tiny.module.get_parameter("classifier.weight").data[:, 8:] = 0
    narrow = project_width(tiny, 8, rows)
    torch.testing.assert_close(narrow.logits(rows), tiny.logits(rows), atol=1e-3, rtol=1e-3)


def test_vectors_stay_as_they_are(
    random_classifier: Callable[..., Classifier], rows: EncodedSplit
) -> None:
    kind = KINDS["sentence-embedding"]
    wide = random_classifier("bert", kind)
    write_head(wide.config, SentenceHead())
    wide = Classifier(attach_head(kind, wide.module).eval(), wide.tokenizer, (), kind)
    confine(wide, 7)
    narrow = project_width(wide, 8, rows)
    assert narrow.output_size == 16
    torch.testing.assert_close(narrow.logits(rows), wide.logits(rows), atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_principal_components_lose_less_than_any_dimensions(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    """States that are nearly in a subspace; of single dimensions, every choice loses about half."""
    nearly = confine(tiny, 7) + 0.02 * torch.randn(16, 16)
    table = tiny.token_table.weight
    table.data = table.data @ nearly
    wide = record_activations(tiny, rows.batch(range(4))).values[0]
    projected = project_width(tiny, 8, rows)
    chosen = [keep_width(tiny, range(start, start + 8)) for start in range(9)]
    losses = [
        float((record_activations(model, rows.batch(range(4))).values[0] - wide).norm())
        for model in (projected, *chosen)
    ]
    assert losses[0] < 0.2 * min(losses[1:])
