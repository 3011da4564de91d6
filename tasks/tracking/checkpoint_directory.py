"""Find and open the checkpoint in a directory of MLflow's artifact store."""

from __future__ import annotations

from pathlib import Path

from coldpress.errors import CorruptCheckpointError
from coldpress.model.checkpoint import MANIFEST, Checkpoint


def open_directory(directory: Path, model_uri: str) -> Checkpoint:
    """Open the checkpoint at or below a directory.

    Args:
        directory: May be missing.
        model_uri: The model, for the message.

    Returns:
        The verified checkpoint.

    Raises:
        CorruptCheckpointError: Files are missing or altered.
    """
    manifest = next(iter(sorted(directory.rglob(MANIFEST))), None)
    if manifest is None:
        raise CorruptCheckpointError(f"{model_uri}: no {MANIFEST} below {directory}")
    return Checkpoint.open(manifest.parent)
