"""The rows of a static model's table as graph nodes: tokens, hashed n-grams, and their sum."""

from __future__ import annotations

from coldpress.model.classifier import Classifier
from coldpress.model.static_model import MULTIPLIER, StaticConfig
from coldpress.onnx.graph.builder import Graph
from coldpress.onnx.graph.lowering import Lowering


def add_feature_sum(lowering: Lowering, classifier: Classifier) -> str:
    """Add up the rows of a text's tokens and n-grams.

    Args:
        lowering: Adds the classifier's modules.
        classifier: A static model.

    Returns:
        Name of a tensor of shape (batch, 1, width).
    """
    table = classifier.architecture
    config = classifier.config
    rows = _add_rows(lowering.graph, config)
    mask = _add_mask(lowering.graph, config)
    return lowering.embedding_sum(rows, mask, f"{table.encoder}.{table.embeddings.words}")


def _add_rows(graph: Graph, config: StaticConfig) -> str:
    """Add `feature_rows`: (batch, tokens) to (batch, features)."""
    codes: list[str] = []
    for length in range(2, config.longest_ngram + 1):
        before = graph.slice_tokens(codes[-1] if codes else "input_ids", 0, -1)
        last = graph.slice_tokens("input_ids", length - 1, None)
        shifted = graph.node("Mul", [before, graph.integers(MULTIPLIER)])
        codes.append(graph.node("Add", [shifted, last]))
    if not codes:
        return "input_ids"
    code = codes[0] if len(codes) == 1 else graph.node("Concat", codes, axis=1)
    hashed = graph.node("Mod", [code, graph.integers(config.ngram_rows)])
    ngrams = graph.node("Add", [hashed, graph.integers(config.vocab_size)])
    return graph.node("Concat", ["input_ids", ngrams], axis=1)


def _add_mask(graph: Graph, config: StaticConfig) -> str:
    """Add `feature_mask`: (batch, tokens) to (batch, features)."""
    starts = range(1, config.longest_ngram)
    masks = [graph.slice_tokens("attention_mask", start, None) for start in starts]
    if not masks:
        return "attention_mask"
    return graph.node("Concat", ["attention_mask", *masks], axis=1)
