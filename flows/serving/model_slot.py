"""The model that answers requests, and its exchange for another one while requests run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import orjson

from coldpress.cpu import available_processors
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
        role: In sentences about the model.
    """

    role: ClassVar[str] = "in use"
    model: ServedModel
    problem: str | None = None


@dataclass
class ChallengerSlot:
    """Holds the model that answers a share of the requests again.

    Attributes:
        model: None until one could be loaded.
        problem: Why the newest version is not the one in use; None if it is.
        role: In sentences about the model.
    """

    role: ClassVar[str] = "the challenger"
    model: ServedModel | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Answer:
    """The predictions for a request.

    Attributes:
        records: One for each text.
        content: The response's body.
        seconds: Duration of the prediction.
    """

    records: list[dict[str, Any]]
    content: bytes
    seconds: float


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
        predictor = Predictor(folder, threads=available_processors())
        _warm_up(predictor)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CorruptCheckpointError(f"{name}: {_first_line(error)}") from error
    since = datetime.now(UTC).isoformat(timespec="seconds")
    digest = combine_digests(manifest.files)
    return ServedModel(predictor, name, version, digest, verdict, since)


def answer(model: ServedModel, texts: Sequence[str], pairs: Sequence[str] | None) -> Answer:
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
    began = time.perf_counter()
    if pairs is not None and len(texts) == 1 < len(pairs) and predictor.kind == "ranking":
        records = predictor.rank(texts[0], pairs)
    else:
        records = predictor.predict(texts, pairs)
    seconds = time.perf_counter() - began
    response: dict[str, Any] = {"model": model.reference, "predictions": records}
    return Answer(records, orjson.dumps(response), seconds)


def _warm_up(predictor: Predictor) -> None:
    texts = list(_WARM_UP_TEXTS)
    predictor.predict(texts, texts if predictor.pairs else None)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
