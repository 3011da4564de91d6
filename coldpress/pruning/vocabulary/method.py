"""Vocabulary pruning: tokens that no text of the corpus needs leave table and tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.method import PruningContext


class Vocabulary(Section):
    """Remove the tokens that no training or validation text needs."""

    size_neutral: ClassVar[bool] = False

    method: Literal["vocabulary"]
    recovery_epochs: Annotated[
        int, Field(ge=0, le=100, description="Retraining; the answers to these texts are the same.")
    ] = 0

    def prune(self, classifier: Classifier, evidence: PruningContext) -> Classifier:
        """Keep the rows of the tokens that the texts need, and number them anew.

        Args:
            classifier: The source, left as it is.
            evidence: The texts; importance plays no part.

        Returns:
            A classifier with a smaller table and tokenizer. Every one of the texts is cut into the
            same tokens as before and answered alike.

        Raises:
            InputError: The tokenizer is of another kind than WordPiece, BPE and Unigram.
        """
        from coldpress.model.surgery import keep_tokens, required_tokens
        from coldpress.pruning.vocabulary.needed_tokens import needed_tokens
        from coldpress.pruning.vocabulary.shrink_tokenizer import check_texts, shrink_tokenizer

        tokenizer = classifier.tokenizer
        needed = needed_tokens(tokenizer, evidence.texts) | required_tokens(classifier)
        stay = sorted(needed)
        shorter = shrink_tokenizer(tokenizer, stay)
        check_texts(tokenizer, shorter, evidence.texts)
        return keep_tokens(classifier, stay, shorter)
