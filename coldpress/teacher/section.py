"""The recipe's `teacher` section: a model that is trained, or outputs of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Discriminator, Tag

from coldpress.teacher.answers.section import AnswersTeacher
from coldpress.teacher.outputs.section import OutputsTeacher, ZeroShotTeacher
from coldpress.teacher.spec import Teacher

# No key of a recipe, so that messages leave it out of a field's path.
_MODEL_TAG = "a model"


def _origin(section: object) -> str | None:
    """Return the tag of a section's variant: its `origin`, which a model does not have."""
    if isinstance(section, Mapping):
        return str(section.get("origin", _MODEL_TAG))
    if isinstance(section, AnswersTeacher | OutputsTeacher | ZeroShotTeacher):
        return section.origin
    return _MODEL_TAG if isinstance(section, Teacher) else None


ExternalTeacher = AnswersTeacher | OutputsTeacher | ZeroShotTeacher
"""Teachers of which a run uses the outputs alone: they are neither trained nor registered."""

TeacherSection = Annotated[
    Annotated[Teacher, Tag(_MODEL_TAG)]
    | Annotated[AnswersTeacher, Tag("answers")]
    | Annotated[OutputsTeacher, Tag("outputs")]
    | Annotated[ZeroShotTeacher, Tag("zero-shot")],
    Discriminator(
        _origin,
        custom_error_type="teacher",
        custom_error_message="must be a mapping; its origin may be answers, outputs or zero-shot",
    ),
]
