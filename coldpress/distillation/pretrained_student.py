"""Students that start from another model than the teacher."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from torch import Tensor, nn

from coldpress.benchmark.loading import Benchmark
from coldpress.distillation.student import STUDENT_FIELD
from coldpress.model.classifier import Classifier
from coldpress.model.sentence_head import Dense, SentenceHead
from coldpress.teacher.build import build_from_scratch, load_pretrained
from coldpress.teacher.config_checks import config_width
from coldpress.teacher.pretrained import PretrainedModel, read_config
from coldpress.teacher.sentence_teacher import fetch_sentence_files, load_dense
from coldpress.teacher.spec import ScratchModel, TeacherModel

_LENGTH_TOLERANCE = 1e-2
"""Vectors are stored as float16, so that those of length 1 have about this length."""


@dataclass(frozen=True)
class VectorForm:
    """Form of the vectors that a model of sentence embeddings learns.

    Attributes:
        dimension: Their length.
        normalize: Whether each is divided by its length.
    """

    dimension: int
    normalize: bool


def vector_form(vectors: Tensor, dimension: int | None) -> VectorForm:
    """Return the form of a teacher's vectors, or of their projections.

    Args:
        vectors: Of some texts, shape (texts, width).
        dimension: Length of the projections; None: the vectors are learned as they are.
    """
    lengths = vectors.float().norm(dim=1)
    unit = bool(((lengths - 1).abs() < _LENGTH_TOLERANCE).all())
    return VectorForm(dimension or vectors.shape[1], unit)


def load_source(
    model: TeacherModel, benchmark: Benchmark, max_tokens: int, vectors: VectorForm | None
) -> Classifier:
    """Load the model that the student is made from, if that is not the teacher.

    New weights are drawn from torch's current random state.

    Args:
        model: The recipe's `distill.student.from`.
        benchmark: Its task kind and its labels are those of the output head. The tokenizer of a
            model from scratch is trained on its training split.
        max_tokens: Longer texts are truncated to this length, or to the model's own limit.
        vectors: Form of the vectors to learn; None for kinds without vectors.

    Returns:
        A model with its own tokenizer and a new output head.

    Raises:
        InputError: The model cannot be downloaded or read.
    """
    if isinstance(model, ScratchModel):
        head = None if vectors is None else _add_dense(SentenceHead(), vectors, model.hidden_size)
        return build_from_scratch(model, benchmark, max_tokens, head)
    if vectors is not None:
        return _load_sentence_model(model, benchmark, max_tokens, vectors)
    source, _ = load_pretrained(model, benchmark, max_tokens, field=STUDENT_FIELD)
    # It may have the weights of a classifier for as many other labels.
    output = cast("nn.Linear", source.module.get_submodule(source.output_head.output))
    nn.init.normal_(output.weight, std=source.config.initializer_range)
    nn.init.zeros_(output.bias)
    return source


def _load_sentence_model(
    model: PretrainedModel, benchmark: Benchmark, max_tokens: int, vectors: VectorForm
) -> Classifier:
    """Load an encoder with its own pooling, and vectors like the teacher's.

    A new linear layer takes the place of its own if the vectors would have another length.
    """
    files = fetch_sentence_files(model, STUDENT_FIELD)
    config, _ = read_config(model, STUDENT_FIELD)
    head = _add_dense(files.head, vectors, config_width(config))
    source, _ = load_pretrained(model, benchmark, max_tokens, head, STUDENT_FIELD)
    if head.dense == files.head.dense and files.dense is not None:
        load_dense(source.module, files.dense, STUDENT_FIELD)
    return source


def _add_dense(head: SentenceHead, vectors: VectorForm, width: int) -> SentenceHead:
    """Return a head that returns vectors of this form, with a linear layer if it needs one."""
    head = replace(head, normalize=vectors.normalize)
    if head.dimension(width) == vectors.dimension:
        return head
    return replace(head, dense=Dense(vectors.dimension))
