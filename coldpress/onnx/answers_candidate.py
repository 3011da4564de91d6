"""A teacher in an evaluation whose outputs are known, or computed by a model of any family."""

from __future__ import annotations

from dataclasses import replace

import torch

from coldpress.data.encoding import Batch
from coldpress.data.splits import Split, row_ids
from coldpress.evaluation.candidate import Candidate, Texts
from coldpress.evaluation.scorecard.final_model import TEACHER
from coldpress.teacher.answers.answers import TeacherAnswers
from coldpress.teacher.outputs.model import OutputsModel
from coldpress.teacher.outputs.source import ComputedAnswers


def answers_candidate(
    answers: TeacherAnswers, student: Candidate, test: Split, batch_size: int
) -> Candidate:
    """Return the teacher as a candidate.

    Args:
        answers: With those for the test rows.
        student: The first model with weights in the registry.
        test: The test rows.
        batch_size: Texts of a timed call.

    Returns:
        A candidate that is timed if its outputs are computed in one pass for each text.
    """
    teacher = Candidate(
        name=TEACHER,
        parent=None,
        runtime="answers",
        test=replace(student.test, truncated=0),
        encode=student.encode,
        outputs=answers.for_evaluation,
        forward=None,
        end_to_end=None,
        bytes=None,
        parameters=None,
        macs_per_token=None,
    )
    if not isinstance(answers, ComputedAnswers):
        return teacher
    teacher = replace(teacher, runtime="torch")
    if answers.model is None:
        return teacher
    return _add_model(replace(teacher, test=answers.model.encode(test)), answers.model, batch_size)


def _add_model(teacher: Candidate, model: OutputsModel, batch_size: int) -> Candidate:
    """Add sizes, and what is timed; without a padding token, only single texts can be."""
    parameters = sum(parameter.numel() for parameter in model.module.parameters())
    sized = replace(teacher, encode=model.encode, parameters=parameters, bytes=4 * parameters)
    if model.padding_id is None and batch_size > 1:
        return sized

    @torch.inference_mode()
    def forward(batch: Batch) -> object:
        return model.forward(batch.input_ids, batch.token_type_ids, batch.attention_mask)

    def end_to_end(texts: Texts, pairs: Texts | None) -> object:
        second = None if pairs is None else tuple(pairs)
        split = Split(row_ids(texts, second), tuple(texts), second, ())
        return forward(model.encode(split).batch(range(len(texts))))

    return replace(sized, forward=forward, end_to_end=end_to_end)
