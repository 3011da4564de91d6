"""The interface that all methods share, and the base class of their sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from coldpress.schema.section import Section

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from coldpress.teacher.size import TeacherSize


@dataclass(frozen=True)
class TeacherDescription:
    """Properties of a teacher that are known before anything is trained.

    If the student starts from another pretrained model, methods see that one in its place.

    Attributes:
        size: Its sizes.
        tokenizer: Its tokenizer; None if that will be trained on the data.
    """

    size: TeacherSize
    tokenizer: Tokenizer | None = None


class Method(Protocol):
    """A method of a stage, with its settings."""

    @property
    def method(self) -> str:
        """Name of the method in recipes."""

    @property
    def trains(self) -> bool:
        """True if the method runs the training loop on the soft targets."""

    def check(self, teacher: TeacherDescription) -> None:
        """Check, before anything is trained, that the method can be applied.

        Args:
            teacher: Of the recipe.

        Raises:
            InputError: The method does not fit the teacher; the message names the field.
        """


class MethodSection(Section):
    """Base class of methods: by default they do not train, and fit every teacher."""

    @property
    def trains(self) -> bool:
        """True if the method runs the training loop on the soft targets."""
        return False

    def check(self, teacher: TeacherDescription) -> None:
        """Accept every teacher.

        Args:
            teacher: Of the recipe.
        """
