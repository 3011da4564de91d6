"""Students that read other texts, or other tokens, than their teacher."""

from __future__ import annotations

from coldpress.distillation import DistillationMethod
from coldpress.distillation.student import STUDENT_FIELD


def check_languages(method: DistillationMethod, translated: bool) -> None:
    """Check that a method can train a student that does not read what its teacher reads.

    Args:
        method: The recipe's `distill` section.
        translated: Whether there are translations, which the teacher does not read.

    Raises:
        ValueError: The method compares the activations of both for the same tokens, or the
            embeddings of a new vocabulary would stay as they are.
    """
    vocabulary = method.student.vocabulary is not None
    reasons = {
        STUDENT_FIELD: method.student.from_ is not None,
        "distill.student.vocabulary": vocabulary,
        "benchmark.columns.translations": translated,
    }
    reason = next((field for field, present in reasons.items() if present), None)
    if method.compares_activations and reason is not None:
        raise ValueError(
            f"distill.method: with {reason} only logits is possible, since {method.method} compares"
            " what teacher and student compute from the same tokens"
        )
    if vocabulary and method.freeze_embeddings:
        raise ValueError(
            "distill.freeze_embeddings: must be false with distill.student.vocabulary, whose"
            " embeddings are new"
        )
