from __future__ import annotations

from pathlib import Path

import teachers
from coldpress.model.classifier import Classifier


def test_a_model_is_made_once_for_the_same_inputs(tiny: Classifier, tmp_path: Path) -> None:
    calls = []

    def make() -> Classifier:
        calls.append(tiny)
        return tiny

    first = teachers.load_or_make(tmp_path, "teacher", {"seed": 0}, make)
    again = teachers.load_or_make(tmp_path, "teacher", {"seed": 0}, make)
    second = teachers.load_or_make(tmp_path, "teacher", {"seed": 1}, make)
    assert len(calls) == 2
    assert first.path == again.path != second.path
    assert first.manifest.labels == ("calm", "fast", "warm")
