"""What a recipe cannot ask of a static student."""

from __future__ import annotations

from collections.abc import Sequence

from coldpress.kinds.kind import TaskKind
from coldpress.method import Method
from coldpress.quantization import Binary, Qat, QuantizationMethod


def check_static_student(
    kind: TaskKind, steps: Sequence[Method] | None, quantize: QuantizationMethod | None
) -> None:
    """Check that the sections beside `distill` fit a student without layers.

    Args:
        kind: Task kind of the recipe.
        steps: The recipe's `prune` section.
        quantize: The recipe's `quantize` section.

    Raises:
        ValueError: The models of the kind have another output than one vector of outputs for a
            text, a step would prune what the student does not have, or a method compares the
            layers' hidden states.
    """
    if kind.head != "text":
        outputs = "an output for every word" if kind.head == "tokens" else "vectors"
        raise ValueError(
            f"distill.method: static is not possible with benchmark.kind {kind.name}, whose models"
            f" return {outputs}"
        )
    if steps:
        raise ValueError(
            f"prune.0.method: {steps[0].method} is not possible with distill.method static, whose"
            " student has no layers and only the tokens of its texts"
        )
    if isinstance(quantize, Binary):
        raise ValueError(
            "quantize.method: binary is not possible with distill.method static, whose student has"
            " no layers"
        )
    if isinstance(quantize, Qat) and quantize.hidden_states:
        raise ValueError(
            "quantize.hidden_states: must be 0 with distill.method static, whose student has no"
            " hidden states"
        )
