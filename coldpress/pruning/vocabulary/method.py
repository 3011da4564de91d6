"""Vocabulary pruning: remove the tokens that few or no training texts need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.method import MethodSection

if TYPE_CHECKING:
    from coldpress.method import TeacherDescription
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.context import PruningContext

_FIELD = "prune: vocabulary"


class Vocabulary(MethodSection):
    """Remove the tokens that few or no training texts need."""

    size_neutral: ClassVar[bool] = False

    method: Literal["vocabulary"]
    min_texts: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="Texts that must contain a token; words of rarer tokens are split into"
            " smaller ones.",
        ),
    ] = 1
    recovery_epochs: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="Retraining, in epochs; with min_texts 1, training texts do not change.",
        ),
    ] = 0

    def check(self, teacher: TeacherDescription) -> None:
        """Check that the type of the teacher's tokenizer is supported.

        Args:
            teacher: Of the recipe.

        Raises:
            InputError: The tokenizer is not WordPiece, BPE or Unigram.
        """
        from coldpress.model.vocabulary.needed_tokens import check_tokenizer_type

        if teacher.tokenizer is not None:
            check_tokenizer_type(teacher.tokenizer, _FIELD)

    def prune(self, classifier: Classifier, context: PruningContext) -> Classifier:
        """Keep the embeddings of the tokens that the texts need, and renumber the tokens.

        Args:
            classifier: The source; not changed.
            context: Its texts are used.

        Returns:
            A classifier with a smaller embedding table and tokenizer. If one text is enough to
            keep a token, all training texts are split into the same tokens as before, so that their
            predictions do not change.

        Raises:
            InputError: The tokenizer is not WordPiece, BPE or Unigram.
        """
        from coldpress.model.token_surgery import keep_tokens, required_tokens
        from coldpress.model.vocabulary.needed_tokens import check_tokenizer_type, needed_tokens
        from coldpress.model.vocabulary.shrink_tokenizer import check_texts, shrink_tokenizer

        tokenizer = classifier.tokenizer
        check_tokenizer_type(tokenizer, _FIELD)
        needed = needed_tokens(tokenizer, context.texts, self.min_texts)
        token_ids = sorted(needed | required_tokens(classifier))
        shrunk = shrink_tokenizer(tokenizer, token_ids)
        if self.min_texts == 1:
            check_texts(tokenizer, shrunk, context.texts)
        return keep_tokens(classifier, token_ids, shrunk)
