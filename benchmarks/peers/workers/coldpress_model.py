"""A model that `coldpress pull` wrote, served by its own predictor."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers.workers.protocol import Files, Job, Served

LIBRARIES = ("onnxruntime", "tokenizers")


def build(variant: str, job: Job, folder: Path) -> Files:  # noqa: ARG001
    """Return the files of the pulled folder, which is named by the variant."""
    return Files([Path(variant) / "model.onnx"], [Path(variant) / "tokenizer.json"])


def load(variant: str, job: Job, folder: Path, threads: int) -> Served:  # noqa: ARG001
    """Load the folder's predictor.

    Args:
        variant: The pulled folder.
        job: Its length limit is that of the file's tokenizer.
        folder: Unused.
        threads: Texts that are read at the same time.
    """
    import numpy as np
    from tokenizers import Tokenizer

    predictor = _predictor_class(Path(variant))(Path(variant), threads)
    tokenizer = Tokenizer.from_file(str(Path(variant) / "tokenizer.json"))
    tokenizer.no_padding()

    def predict(texts: Sequence[str]) -> list[str]:
        return [record["label"] for record in predictor.predict(texts)]

    def encode(text: str) -> tuple[Any, ...]:
        row = tokenizer.encode(text)
        columns = (row.ids, row.attention_mask, row.type_ids)
        return tuple(np.array([column], dtype=np.int64) for column in columns)

    return Served(predict, encode, lambda arrays: predictor.logits(*arrays))


def _predictor_class(folder: Path) -> Any:  # noqa: ANN401
    specification = importlib.util.spec_from_file_location("predictor", folder / "predictor.py")
    if specification is None or specification.loader is None:
        raise ValueError(f"{folder} has no predictor.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Predictor
