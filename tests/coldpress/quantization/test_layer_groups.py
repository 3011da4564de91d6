"""Layer groups cover classifiers of every family."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier
from coldpress.quantization.core.convert import modules_of_type
from coldpress.quantization.layer_groups import group_layers


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_every_table_and_linear_module_is_in_one_group(
    family: str, random_classifier: Callable[[str], Classifier]
) -> None:
    classifier = random_classifier(family)
    paths = [path for group in group_layers(classifier) for path in group.paths]
    modules = {
        **modules_of_type(classifier, nn.Linear),
        **modules_of_type(classifier, nn.Embedding),
    }
    assert sorted(paths) == sorted(modules)
    weights = sum(module.get_parameter("weight").numel() for module in modules.values())
    assert sum(group.weights for group in group_layers(classifier)) == weights


def test_groups_have_readable_names(tiny: Classifier) -> None:
    groups = {group.name: group for group in group_layers(tiny)}
    assert list(groups) == [
        "embeddings",
        "attention of layer 1",
        "feed-forward of layer 1",
        "attention of layer 2",
        "feed-forward of layer 2",
        "pooler",
        "logits",
    ]
    assert len(groups["attention of layer 1"].paths) == 4
    assert groups["feed-forward of layer 2"].weights == 2 * 16 * 32
