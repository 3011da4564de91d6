"""Fixtures: tiny models of every family in the architecture table, and a local hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoConfig

from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.kinds.kind import TaskKind
from coldpress.model.classifier import Classifier
from coldpress.model.output_head import model_class
from coldpress.model.surgery import keep_heads, keep_layers, keep_neurons
from tests.support.local_hub import LocalHub, serve_hub

SIZES: Mapping[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "max_position_embeddings": 24,
}
OWN_SIZES: Mapping[str, Mapping[str, Any]] = {
    # Tables narrower than the layers, with a projection between, as the published ones have.
    "electra": {**SIZES, "embedding_size": 8},
    "distilbert": {
        "dim": 16,
        "n_layers": 3,
        "n_heads": 4,
        "hidden_dim": 32,
        "max_position_embeddings": 24,
    },
    # Its positions are counted from 1, whatever the padding id.
    "mpnet": {**SIZES, "pad_token_id": 1},
    # Eight buckets, so that distances from four on share some.
    "deberta-v2": {
        **SIZES,
        "relative_attention": True,
        "position_biased_input": False,
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "pos_att_type": "p2c|c2p",
        "position_buckets": 8,
        "type_vocab_size": 0,
    },
    # Two heads share keys and values.
    "eurobert": {**SIZES, "num_key_value_heads": 2},
    # A token attends to two on either side, in every layer but the first.
    "modernbert": {
        **SIZES,
        "local_attention": 4,
        "layer_types": ["full_attention", "sliding_attention", "sliding_attention"],
    },
}


@pytest.fixture
def random_classifier(tokenizer: Tokenizer) -> Callable[..., Classifier]:
    """Build a model of a family: 3 layers, 4 heads of size 4, 32 neurons, 3 labels."""

    def make(
        family: str,
        kind: TaskKind = TEXT_CLASSIFICATION,
        **settings: Any,  # noqa: ANN401
    ) -> Classifier:
        torch.manual_seed(0)
        common = {"vocab_size": tokenizer.get_vocab_size(), "pad_token_id": 0, "num_labels": 3}
        sizes = {**common, **OWN_SIZES.get(family, SIZES), **settings}
        config = AutoConfig.for_model(family, **sizes)
        module: nn.Module = model_class(kind).from_config(config, attn_implementation="eager")
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.5)
        return Classifier(module.eval(), tokenizer, ("calm", "fast", "warm"), kind)

    return make


@pytest.fixture
def cut() -> Callable[[Classifier], Classifier]:
    """Keep two of three layers, with different numbers of heads and neurons."""

    def cut(classifier: Classifier) -> Classifier:
        shorter = keep_layers(classifier, [0, 2])
        return keep_neurons(keep_heads(shorter, [[1, 3], [0]]), [range(7), range(3, 32)])

    return cut


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """Serve an empty hub, with empty caches."""
    import datasets.config
    from huggingface_hub import constants

    with serve_hub(tmp_path / "hub") as hub:
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "arrow"))
        yield hub
