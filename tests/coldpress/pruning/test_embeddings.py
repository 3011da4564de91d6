"""Factors of the token table: how good they are, and what follows and precedes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from coldpress.data.encoding import EncodedSplit
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.factored_embedding import full_token_table
from coldpress.model.low_rank import low_rank_factors, token_counts
from coldpress.model.serialization import describe_model, load_classifier, write_checkpoint
from coldpress.model.surgery import keep_width
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.onnx.token_embeddings import read_token_embeddings
from coldpress.pruning import Embeddings, Vocabulary
from coldpress.pruning.context import PruningContext
from coldpress.pruning.method import PruningMethod
from coldpress.pruning.pipeline import run_steps
from coldpress.quantization import DynamicInt8, QuantizationMethod
from coldpress.quantization.core.storage import load_any_precision, save_quantized
from coldpress.quantization.method import Quantization
from coldpress.training.data import labelled_data
from tests.support.method_sections import QUANTIZATION, name_of
from tests.support.pruning_context import PLAN
from tests.support.training_contexts import label_context
from tests.support.wordpiece import with_word_pieces

VOCABULARY = Vocabulary(method="vocabulary")


def embeddings(rank: int, epochs: int = 0) -> Embeddings:
    return Embeddings(method="embeddings", rank=rank, recovery_epochs=epochs)


def test_a_rank_that_is_not_smaller_is_refused(tiny: Classifier, context: PruningContext) -> None:
    message = r"^prune: embeddings: rank: 16 is not smaller than 16, the width of the embedding"
    with pytest.raises(InputError, match=message):
        embeddings(16).prune(tiny, context)


def test_factors_are_factored_again(tiny: Classifier, context: PruningContext) -> None:
    once = embeddings(8).prune(tiny, context)
    twice = embeddings(4).prune(once, context)
    direct = low_rank_factors(full_token_table(once), token_counts(context.data.train, 12), 4)
    torch.testing.assert_close(full_token_table(twice), direct[0] @ direct[1])
    with pytest.raises(InputError, match="8 is not smaller than 8"):
        embeddings(8).prune(once, context)


def test_the_projection_is_retrained_although_tables_are_frozen(
    tiny: Classifier, context: PruningContext
) -> None:
    at_once = embeddings(4).prune(tiny, context)
    retrained = run_steps([embeddings(4, epochs=1)], tiny, context).classifier
    changed = {
        name
        for name, value in retrained.module.state_dict().items()
        if "embeddings." in name and not torch.equal(value, at_once.module.state_dict()[name])
    }
    assert changed == {"bert.embeddings.word_embeddings.projection.weight"}


def test_a_narrower_model_has_a_narrower_projection(
    tiny: Classifier, context: PruningContext
) -> None:
    narrow = keep_width(embeddings(4).prune(tiny, context), range(8))
    assert full_token_table(narrow).shape == (12, 8)


@pytest.mark.parametrize(
    "steps", [[VOCABULARY, embeddings(4)], [embeddings(4), VOCABULARY]], ids=["before", "after"]
)
def test_the_vocabulary_is_pruned_before_or_after(
    steps: list[PruningMethod], tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    """The first three texts have five of eight words; four tokens are special."""
    source = with_word_pieces(tiny)
    rows = split.take(range(3))
    data = labelled_data(source, rows, rows)
    pruned = run_steps(steps, source, PruningContext(data, PLAN, rows.texts)).classifier
    assert pruned.token_table.weight.shape == (9, 4)
    write_checkpoint(pruned, tmp_path / "pruned", Manifest(stage="prune"))
    loaded = load_classifier(Checkpoint.open(tmp_path / "pruned"))
    assert torch.equal(full_token_table(loaded), full_token_table(pruned))


@pytest.mark.parametrize("section", QUANTIZATION, ids=name_of)
def test_factors_are_quantized_and_exported(
    section: dict[str, Any],
    tiny: Classifier,
    context: PruningContext,
    rows: EncodedSplit,
    tmp_path: Path,
) -> None:
    method: Quantization = TypeAdapter(QuantizationMethod).validate_python(section)
    factored = embeddings(8).prune(tiny, context)
    quantized = method.quantize(factored, label_context(rows))
    checkpoint = store(quantized, tmp_path / "model")
    assert torch.equal(load_any_precision(checkpoint).logits(rows), quantized.logits(rows))
    check_parity(checkpoint, exported(checkpoint, tmp_path), rows)


@pytest.mark.parametrize("family", ["bert", "eurobert", "modernbert"])
def test_embeddings_are_read_from_the_file(
    family: str,
    random_classifier: Callable[[str], Classifier],
    context: PruningContext,
    rows: EncodedSplit,
    tmp_path: Path,
) -> None:
    """ModernBERT adds nothing to them before it normalizes; EuroBERT does neither."""
    factored = embeddings(8).prune(random_classifier(family), context)
    table = full_token_table(factored).numpy()
    path = exported(store(factored, tmp_path / "float"), tmp_path)
    np.testing.assert_allclose(read_token_embeddings(path), table, atol=1e-5)
    int8 = DynamicInt8(method="dynamic-int8").quantize(factored, label_context(rows))
    path = exported(store(int8, tmp_path / "int8"), tmp_path)
    np.testing.assert_allclose(read_token_embeddings(path), table, atol=0.05 * np.abs(table).max())


def store(classifier: Classifier, path: Path) -> Checkpoint:
    manifest = describe_model(Manifest(stage="quantize"), classifier)
    with new_checkpoint(path, manifest) as directory:
        save_quantized(classifier, directory)
    return Checkpoint.open(path)


def exported(checkpoint: Checkpoint, folder: Path) -> Path:
    target = folder / f"{checkpoint.path.name}-onnx"
    with new_checkpoint(target, Manifest(stage="export_onnx")) as directory:
        export(checkpoint, directory, 17, {})
    return target / "model.onnx"
