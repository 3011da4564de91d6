"""Students that start from another pretrained model than the teacher."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from torch import nn

from coldpress.benchmark.loading import Benchmark
from coldpress.distillation.student import STUDENT_FIELD
from coldpress.model.classifier import Classifier
from coldpress.model.sentence_head import Dense, read_head
from coldpress.teacher.build import load_pretrained
from coldpress.teacher.config_checks import config_width
from coldpress.teacher.pretrained import PretrainedModel, read_config
from coldpress.teacher.sentence_teacher import fetch_sentence_files, load_dense


def choose_source(
    teacher: Classifier, model: PretrainedModel | None, benchmark: Benchmark, max_tokens: int
) -> Classifier:
    """Return the model that the student is made from.

    New weights are drawn from torch's current random state.

    Args:
        teacher: Returned if there is no other model. Otherwise vectors are as long as its vectors,
            and normalized if these are.
        model: The recipe's `distill.student.from`.
        benchmark: Its task kind and its labels are those of the output head.
        max_tokens: Longer texts are truncated to this length, or to the model's own limit.

    Returns:
        The teacher, or another model with its own tokenizer and a new output head.

    Raises:
        InputError: The other model cannot be downloaded or read.
    """
    if model is None:
        return teacher
    if benchmark.kind.head == "sentence":
        return _load_sentence_model(model, teacher, benchmark, max_tokens)
    source, _ = load_pretrained(model, benchmark, max_tokens, field=STUDENT_FIELD)
    # It may have the weights of a classifier for as many other labels.
    output = cast("nn.Linear", source.module.get_submodule(source.output_head.output))
    nn.init.normal_(output.weight, std=source.config.initializer_range)
    nn.init.zeros_(output.bias)
    return source


def _load_sentence_model(
    model: PretrainedModel, teacher: Classifier, benchmark: Benchmark, max_tokens: int
) -> Classifier:
    """Load an encoder with its own pooling, and vectors like the teacher's.

    A new linear layer takes the place of its own if the vectors would have another length.
    """
    files = fetch_sentence_files(model, STUDENT_FIELD)
    config, _ = read_config(model, STUDENT_FIELD)
    head = replace(files.head, normalize=read_head(teacher.config).normalize)
    fits = head.dimension(config_width(config)) == teacher.output_size
    if not fits:
        head = replace(head, dense=Dense(teacher.output_size))
    source, _ = load_pretrained(model, benchmark, max_tokens, head, STUDENT_FIELD)
    if fits and files.dense is not None:
        load_dense(source.module, files.dense, STUDENT_FIELD)
    return source
