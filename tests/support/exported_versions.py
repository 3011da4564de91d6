"""Registered versions of a tiny exported model, which can be told apart by their labels."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.onnx.export import export
from tasks.tracking import runs
from tests.support import registered_models

_COUNT = itertools.count()


def export_version(
    place: Path, tiny: Checkpoint, model: str = "trec", *, numbered: bool = True
) -> str:
    """Export the model, register it as the next version, and return its digest.

    The labels of version 2 are `calm-2`, `fast-2` and `warm-2`, if they are to be numbered.
    """
    number = len(runs.client().search_model_versions(f"name = '{model}'")) + 1
    folder = place / f"exported-{next(_COUNT)}"
    suffix = f"-{number}" if numbered else ""
    labels = json.dumps([f"{label}{suffix}" for label in ("calm", "fast", "warm")])
    with new_checkpoint(folder / "checkpoint", Manifest(stage="export_onnx")) as directory:
        export(tiny, directory, 17, {"pairs": "false", "labels": labels})
    return registered_models.register(
        folder / "checkpoint", folder, model, "export_onnx", gate="passed"
    )


def set_champion(number: int, model: str = "trec", alias: str = "champion") -> None:
    """Move the alias to a version."""
    runs.client().set_registered_model_alias(model, alias, str(number))
