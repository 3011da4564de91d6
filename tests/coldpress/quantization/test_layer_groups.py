"""Parts cover a classifier of every family."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier
from coldpress.quantization.core.convert import modules_of_type
from coldpress.quantization.layer_groups import group_layers


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_every_table_and_linear_module_is_in_one_part(
    family: str, random_classifier: Callable[[str], Classifier]
) -> None:
    classifier = random_classifier(family)
    paths = [path for part in group_layers(classifier) for path in part.paths]
    found = {**modules_of_type(classifier, nn.Linear), **modules_of_type(classifier, nn.Embedding)}
    assert sorted(paths) == sorted(found)
    weights = sum(module.get_parameter("weight").numel() for module in found.values())
    assert sum(part.weights for part in group_layers(classifier)) == weights


def test_parts_are_named_after_what_they_do(tiny: Classifier) -> None:
    named = {part.name: part for part in group_layers(tiny)}
    assert list(named) == [
        "embeddings",
        "attention of layer 1",
        "feed-forward of layer 1",
        "attention of layer 2",
        "feed-forward of layer 2",
        "pooler",
        "logits",
    ]
    assert len(named["attention of layer 1"].paths) == 4
    assert named["feed-forward of layer 2"].weights == 2 * 16 * 32
