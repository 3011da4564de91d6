"""A pretrained teacher answers as transformers has it, or is refused before it is trained.

`COLDPRESS_TOKENIZER_TEXTS=1000` tries that many texts of each kind of tokenizer.
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
from tokenizer_directories import LABELS, Teacher, texts
from tokenizer_kinds import KINDS
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from coldpress.data.benchmark import Benchmark
from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.serialization import write_checkpoint
from coldpress.onnx.export import export
from coldpress.onnx.predictor import Predictor
from coldpress.teacher.build import build_teacher
from coldpress.teacher.spec import Teacher as Section

AT_ONCE = 25
EXAMPLES = int(os.environ.get("COLDPRESS_TOKENIZER_TEXTS", "150")) // AT_ONCE
MAX_TOKENS = 32


@pytest.mark.parametrize("kind", KINDS)
def test_the_teacher_and_the_exported_model_answer_as_transformers(kind: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # a directory takes a second: failures are not made smaller
        suppress_health_check=list(HealthCheck),
    )
    @given(KINDS[kind](), st.booleans(), st.integers(0, 10**6))
    def compare(teacher: Teacher, paired: bool, seed: int) -> None:
        first = texts(seed, AT_ONCE, teacher.special)
        second = texts(seed + 1, AT_ONCE, teacher.special) if paired else None
        ids = tuple(f"row-{n}" for n in range(AT_ONCE))
        split = Split(ids, first, second, tuple(n % 3 for n in range(AT_ONCE)))
        with TemporaryDirectory() as place:
            teacher.write(Path(place) / "teacher")
            same_answers(Path(place), teacher, split)

    compare()


def same_answers(place: Path, teacher: Teacher, split: Split) -> None:
    section = Section.model_validate({"model": str(place / "teacher"), "epochs": 0})
    plain = Split(("row-0",), ("the press",), split.pairs and ("olive oil",), (0,))
    benchmark = Benchmark(LABELS, plain, plain, split, digest="", overlap=0)
    try:
        built = build_teacher(section, benchmark, MAX_TOKENS)
    except InputError as error:
        assert teacher.refusable, str(error)
        assert "\n" not in str(error)
        return
    expected = by_transformers(place / "teacher", split)
    ours = built.logits(encode(built.tokenizer, split))
    answered = [row for row, logits in enumerate(expected) if logits is not None]
    theirs = torch.stack([logits for logits in expected if logits is not None])
    torch.testing.assert_close(ours[answered], theirs, rtol=1e-5, atol=1e-5)
    write_checkpoint(built, place / "checkpoint", Manifest(stage="train_teacher"))
    with new_checkpoint(place / "exported", Manifest(stage="export_onnx")) as directory:
        export(Checkpoint.open(place / "checkpoint"), directory, 17, {})
    records = Predictor(place / "exported").predict(split.texts, split.pairs)
    labels = np.array([LABELS.index(record["label"]) for record in records])
    high, low = ours.topk(2).values.T
    clear = (high - low > 1e-4).numpy()
    assert np.array_equal(labels[clear], ours.argmax(-1).numpy()[clear])


def by_transformers(directory: Path, split: Split) -> Sequence[Tensor | None]:
    """Answer texts one by one; None where transformers cannot, as a token has no row."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    if hasattr(tokenizer.backend_tokenizer.model, "dropout"):
        tokenizer.backend_tokenizer.model.dropout = None
    model = AutoModelForSequenceClassification.from_pretrained(directory).eval()
    limit = min(tokenizer.model_max_length, MAX_TOKENS, model.config.max_position_embeddings)
    if "roberta" in model.config.model_type:
        limit = min(limit, model.config.max_position_embeddings - model.config.pad_token_id - 1)
    answers: list[Tensor | None] = []
    for row, text in enumerate(split.texts):
        pair = None if split.pairs is None else [split.pairs[row]]
        read = tokenizer([text], pair, truncation=True, max_length=limit, return_tensors="pt")
        if getattr(model.config, "type_vocab_size", 0) < 2:
            read.pop("token_type_ids", None)
        with torch.inference_mode():
            beyond = int(read["input_ids"].max()) >= model.config.vocab_size
            answers.append(None if beyond else model(**read).logits[0])
    return answers
