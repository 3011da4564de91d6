"""Stored weights must match the configuration, in every family."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from coldpress.errors import InputError
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier
from coldpress.model.components import OutputHead
from coldpress.model.serialization import save_classifier
from coldpress.teacher.weight_checks import check_head, check_weights
from coldpress.teacher.weight_shapes import encoder_shapes, head_shapes
from tests.support.acceptance import does_not_raise
from tests.support.tiny_eurobert import build_eurobert

FAMILIES = sorted(ARCHITECTURES)


def save_model(classifier: Classifier, directory: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Save a model; return its configuration and the shapes of its weights."""
    save_classifier(classifier, directory)
    config = json.loads((directory / "config.json").read_text())
    weights = load_file(directory / "model.safetensors")
    return config, {name: tuple(weight.shape) for name, weight in weights.items()}


def _head(config: dict[str, Any]) -> OutputHead:
    return ARCHITECTURES[config["model_type"]].classification_head


@pytest.mark.parametrize("family", FAMILIES)
def test_the_tables_name_every_weight_of_a_family(
    random_classifier: Callable[..., Classifier], family: str, tmp_path: Path
) -> None:
    config, shapes = save_model(random_classifier(family), tmp_path)
    assert encoder_shapes(config) | head_shapes(config, _head(config), 3) == shapes
    check_weights(tmp_path, config, "here")
    check_head(tmp_path, config, _head(config), 3, "here")


def test_biases_are_where_a_modernbert_has_them(
    random_classifier: Callable[..., Classifier], tmp_path: Path
) -> None:
    names = ("norm_bias", "attention_bias", "mlp_bias", "classifier_bias")
    config, shapes = save_model(
        random_classifier("modernbert", **dict.fromkeys(names, True)), tmp_path
    )
    assert encoder_shapes(config) | head_shapes(config, _head(config), 3) == shapes


def test_shared_heads_have_fewer_keys_and_values(tmp_path: Path) -> None:
    build_eurobert(50).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    shapes = encoder_shapes(config)
    assert shapes["model.layers.0.self_attn.k_proj.weight"] == (16, 32)
    check_weights(tmp_path, config, "here")
    check_head(tmp_path, config, _head(config), 2, "here")
    config["num_key_value_heads"] = 4
    with pytest.raises(InputError, match=r"k_proj.weight has the shape 16 x 32, but .* 32 x 32"):
        check_weights(tmp_path, config, "here")


Change = Callable[[dict[str, torch.Tensor]], object]


def save_changed(classifier: Classifier, directory: Path, change: Change) -> dict[str, Any]:
    config, _ = save_model(classifier, directory)
    weights = load_file(directory / "model.safetensors")
    change(weights)
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    return config


WORDS = "bert.embeddings.word_embeddings.weight"
LAST = "bert.encoder.layer.1.output.dense.weight"


def without(*names: str) -> Change:
    return lambda weights: [weights.pop(name) for name in names]


def put(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    return lambda weights: weights.update({name: change(weights[name]).contiguous()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without(WORDS), f"the weights lack {WORDS}, which config.json needs"),
        (without(LAST, WORDS), f"the weights lack {WORDS} and 1 more, which"),
        (
            put(WORDS, lambda w: w[:-1]),
            rf"{WORDS} has the shape 11 x 16, but by config.json it should be 12 x 16",
        ),
        (
            put(LAST, lambda w: w.to(torch.int8)),
            f"{LAST} is stored as I8, which is not one of: F16,",
        ),
        (
            put(LAST, lambda w: w.to(torch.float8_e4m3fn)),
            f"{LAST} is stored as F8_E4M3, which is not one of",
        ),
        (put(LAST, lambda w: w * float("nan")), f"512 of the values of {LAST} are not finite"),
        (
            lambda weights: weights.update({LAST.replace(".1.", ".2."): weights[LAST].clone()}),
            "the weights have more layers than num_hidden_layers 2",
        ),
    ],
)
def test_weights_that_do_not_match_are_refused(
    tiny: Classifier, tmp_path: Path, change: Change, message: str
) -> None:
    config = save_changed(tiny, tmp_path, change)
    with pytest.raises(InputError, match=rf"^here: (model.safetensors: )?{message}"):
        check_weights(tmp_path, config, "here")


def test_an_absurd_number_of_layers_is_refused_at_once(tiny: Classifier, tmp_path: Path) -> None:
    config, _ = save_model(tiny, tmp_path)
    with pytest.raises(
        InputError, match=r"^here: the weights have fewer layers than num_hidden_layers 1000000000"
    ):
        check_weights(tmp_path, {**config, "num_hidden_layers": 10**9}, "here")


def test_other_stored_tensors_are_ignored(tiny: Classifier, tmp_path: Path) -> None:
    beside = {"bert.embeddings.position_ids": torch.arange(16), "cls.bias": torch.zeros(12)}
    with does_not_raise():
        check_weights(
            tmp_path, save_changed(tiny, tmp_path, lambda weights: weights.update(beside)), "here"
        )


def test_legacy_names_and_names_without_a_prefix_are_found(
    tiny: Classifier, tmp_path: Path
) -> None:
    def rename(weights: dict[str, torch.Tensor]) -> None:
        for name in list(weights):
            old = name.replace("LayerNorm.weight", "LayerNorm.gamma").removeprefix("bert.")
            weights[old] = weights.pop(name)

    with does_not_raise():
        check_weights(tmp_path, save_changed(tiny, tmp_path, rename), "here")


@pytest.mark.parametrize(("labels", "names"), [(3, ()), (4, ()), (3, ("classifier.bias",))])
def test_the_head_has_one_row_per_label(
    tiny: Classifier, tmp_path: Path, labels: int, names: tuple[str, ...]
) -> None:
    config = save_changed(tiny, tmp_path, without(*names))
    if labels == 3 and not names:
        check_head(tmp_path, config, _head(config), labels, "here")
        return
    with pytest.raises(InputError, match=r"^here: (classifier.weight has the shape 3|the weights)"):
        check_head(tmp_path, config, _head(config), labels, "here")
