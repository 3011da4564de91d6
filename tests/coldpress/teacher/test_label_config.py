from __future__ import annotations

from typing import Any

import pytest

from coldpress.teacher.label_config import label_names


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({"id2label": {"1": "b", "0": "a"}}, ("a", "b")),
        ({"id2label": {"0": 7, "1": True}}, ("7", "true")),
        ({"id2label": None, "num_labels": 3}, ("LABEL_0", "LABEL_1", "LABEL_2")),
        ({}, ("LABEL_0", "LABEL_1")),
    ],
)
def test_labels_are_named_as_transformers_names_them(
    config: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert label_names(config) == names
