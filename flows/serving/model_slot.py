"""The model that answers requests, and its exchange for another one while requests run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coldpress.errors import CorruptCheckpointError
from coldpress.model.checkpoint import MANIFEST, Manifest, combine_digests
from coldpress.onnx.predictor import Predictor

_WARM_UP_TEXTS = ("a", "a text of some words", "word " * 64)
_SHORT_DIGEST = 12


@dataclass(frozen=True)
class ServedModel:
    """A loaded model. A request holds on to it until it is answered.

    Attributes:
        predictor: Answers the texts.
        name: Registered name, or that of the folder.
        version: Number of the version; None for a folder.
        digest: sha256 of the model's files.
        verdict: Of the gate, as registered; None if there is none.
        since: When this process loaded it, in ISO 8601.
    """

    predictor: Predictor = field(repr=False)
    name: str
    version: int | None
    digest: str
    verdict: str | None
    since: str

    @property
    def reference(self) -> str:
        """`name/version`; for a folder, the start of its digest."""
        if self.version is None:
            return f"sha256:{self.digest[:_SHORT_DIGEST]}"
        return f"{self.name}/{self.version}"


@dataclass
class ModelSlot:
    """Holds the model that new requests use.

    Attributes:
        model: Read once by each request; replaced as a whole.
        problem: Why the newest version is not the one in use; None if it is.
    """

    model: ServedModel
    problem: str | None = None


def load_folder(
    folder: Path, name: str, version: int | None = None, verdict: str | None = None
) -> ServedModel:
    """Load a model and predict once with it, so that its first request is as fast as others.

    Args:
        folder: With `model.onnx`, `tokenizer.json` and `coldpress.json`.
        name: Registered name, or that of the folder.
        version: Number of the version; None for a folder.
        verdict: Of the gate.

    Raises:
        CorruptCheckpointError: A file is missing, or not the one that was written.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        predictor = Predictor(folder, threads=len(os.sched_getaffinity(0)))
        _warm_up(predictor)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CorruptCheckpointError(f"{name}: {_first_line(error)}") from error
    since = datetime.now(UTC).isoformat(timespec="seconds")
    digest = combine_digests(manifest.files)
    return ServedModel(predictor, name, version, digest, verdict, since)


def answer(model: ServedModel, texts: Sequence[str], pairs: Sequence[str] | None) -> bytes:
    """Predict, and encode the response.

    Args:
        model: The model to ask.
        texts: The texts, or the first texts of pairs.
        pairs: The second texts; several for one query are sorted by a ranking model.

    Returns:
        JSON with the model's reference and its predictions, as `coldpress predict` prints them.

    Raises:
        ValueError: The texts do not suit the model.
    """
    predictor = model.predictor
    if pairs is not None and len(texts) == 1 < len(pairs) and predictor.kind == "ranking":
        records = predictor.rank(texts[0], pairs)
    else:
        records = predictor.predict(texts, pairs)
    response: dict[str, Any] = {"model": model.reference, "predictions": records}
    return json.dumps(response, ensure_ascii=False).encode()


def _warm_up(predictor: Predictor) -> None:
    texts = list(_WARM_UP_TEXTS)
    predictor.predict(texts, texts if predictor.pairs else None)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
