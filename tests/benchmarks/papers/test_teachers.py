from __future__ import annotations

from pathlib import Path

import teachers
from coldpress.model.classifier import Classifier


def test_a_model_is_made_once_for_what_decides_it(tiny: Classifier, tmp_path: Path) -> None:
    made = []

    def make() -> Classifier:
        made.append(tiny)
        return tiny

    first = teachers.kept(tmp_path, "teacher", {"seed": 0}, make)
    again = teachers.kept(tmp_path, "teacher", {"seed": 0}, make)
    other = teachers.kept(tmp_path, "teacher", {"seed": 1}, make)
    assert len(made) == 2
    assert first.path == again.path != other.path
    assert first.manifest.labels == ("calm", "fast", "warm")
