"""The pretrained encoder of a teacher that learns from few labels."""

from __future__ import annotations

from dataclasses import replace

from coldpress.benchmark.loading import Benchmark
from coldpress.errors import InputError
from coldpress.kinds import task_kind
from coldpress.model.classifier import Classifier
from coldpress.teacher.build import load_pretrained
from coldpress.teacher.sentence_teacher import fetch_sentence_files
from coldpress.teacher.spec import ScratchModel, Teacher


def build_sentence_encoder(teacher: Teacher, benchmark: Benchmark, max_tokens: int) -> Classifier:
    """Load a pretrained encoder that returns vectors, to be trained on pairs of texts.

    Args:
        teacher: The recipe's section.
        benchmark: Its texts are those of the tokenizer's check.
        max_tokens: Longer texts are truncated to this length, or to the model's own limit.

    Returns:
        A model of sentence embeddings; a linear layer after the pooling is left out.

    Raises:
        InputError: The model cannot be downloaded or read.
    """
    if isinstance(teacher.model, ScratchModel):
        raise InputError("teacher.fit: contrastive needs a pretrained sentence encoder")
    head = replace(fetch_sentence_files(teacher.model).head, dense=None)
    vectors = replace(benchmark, kind=task_kind("sentence-embedding"), labels=("vector",))
    return load_pretrained(teacher.model, vectors, max_tokens, head)[0]
