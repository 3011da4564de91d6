"""A pretrained teacher predicts the same as in transformers, or is refused before training.

`COLDPRESS_TOKENIZER_TEXTS=1000` tests that many texts for each type of tokenizer.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.serialization import write_checkpoint
from coldpress.onnx.export import export
from coldpress.onnx.predictor import Predictor
from coldpress.teacher.build import build_teacher
from coldpress.teacher.spec import Teacher as Section
from tests.support.tokenizer_directories import LABELS, Teacher, texts
from tests.support.tokenizer_kinds import KINDS

ROWS = 25
EXAMPLES = int(os.environ.get("COLDPRESS_TOKENIZER_TEXTS", "150")) // ROWS
MAX_TOKENS = 32


@pytest.mark.parametrize("kind", KINDS)
def test_teacher_and_exported_model_predict_the_same_as_transformers(kind: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # no shrinking: a directory takes a second
        suppress_health_check=list(HealthCheck),
    )
    @given(KINDS[kind](), st.booleans(), st.integers(0, 10**6))
    def compare(teacher: Teacher, paired: bool, seed: int) -> None:
        first = texts(seed, ROWS, teacher.special)
        second = texts(seed + 1, ROWS, teacher.special) if paired else None
        ids = tuple(f"row-{n}" for n in range(ROWS))
        split = Split(ids, first, second, tuple(n % 3 for n in range(ROWS)))
        with TemporaryDirectory() as directory:
            teacher.write(Path(directory) / "teacher")
            check_same_predictions(Path(directory), teacher, split)

    compare()


def check_same_predictions(directory: Path, teacher: Teacher, split: Split) -> None:
    section = Section.model_validate({"model": str(directory / "teacher"), "epochs": 0})
    plain = Split(("row-0",), ("the press",), split.pairs and ("olive oil",), (0,))
    benchmark = Benchmark(TEXT_CLASSIFICATION, LABELS, plain, plain, split, digest="", overlap=0)
    try:
        built = build_teacher(section, benchmark, MAX_TOKENS)
    except InputError as error:
        assert teacher.refusable, str(error)
        assert "\n" not in str(error)
        return
    expected = transformers_logits(directory / "teacher", split)
    ours = built.logits(encode(built.tokenizer, split))
    rows = [row for row, logits in enumerate(expected) if logits is not None]
    theirs = torch.stack([logits for logits in expected if logits is not None])
    torch.testing.assert_close(ours[rows], theirs, rtol=1e-5, atol=1e-5)
    write_checkpoint(built, directory / "checkpoint", Manifest(stage="train_teacher"))
    with new_checkpoint(directory / "exported", Manifest(stage="export_onnx")) as exported:
        export(Checkpoint.open(directory / "checkpoint"), exported, 17, {})
    records = Predictor(directory / "exported").predict(split.texts, split.pairs)
    labels = np.array([LABELS.index(record["label"]) for record in records])
    high, low = ours.topk(2).values.T
    clear = (high - low > 1e-4).numpy()
    assert np.array_equal(labels[clear], ours.argmax(-1).numpy()[clear])


def transformers_logits(directory: Path, split: Split) -> Sequence[Tensor | None]:
    """Return the logits of each text; None if transformers fails since a token has no row."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    if hasattr(tokenizer.backend_tokenizer.model, "dropout"):
        tokenizer.backend_tokenizer.model.dropout = None
    model = AutoModelForSequenceClassification.from_pretrained(directory).eval()
    limit = min(tokenizer.model_max_length, MAX_TOKENS, model.config.max_position_embeddings)
    if "roberta" in model.config.model_type:
        limit = min(limit, model.config.max_position_embeddings - model.config.pad_token_id - 1)
    logits: list[Tensor | None] = []
    for row, text in enumerate(split.texts):
        pair = None if split.pairs is None else [split.pairs[row]]
        encoding = tokenizer([text], pair, truncation=True, max_length=limit, return_tensors="pt")
        if getattr(model.config, "type_vocab_size", 0) < 2:
            encoding.pop("token_type_ids", None)
        with torch.inference_mode():
            beyond = int(encoding["input_ids"].max()) >= model.config.vocab_size
            logits.append(None if beyond else model(**encoding).logits[0])
    return logits
