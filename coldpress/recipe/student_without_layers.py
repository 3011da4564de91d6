"""What a recipe cannot ask of a student without layers."""

from __future__ import annotations

from collections.abc import Sequence

from coldpress.kinds.kind import TaskKind
from coldpress.method import Method
from coldpress.quantization import Binary, Qat, QuantizationMethod


def check_student_without_layers(
    name: str,
    kind: TaskKind,
    steps: Sequence[Method] | None,
    quantize: QuantizationMethod | None,
) -> None:
    """Check that the sections beside `distill` fit a student without layers.

    Args:
        name: The recipe's `distill.method`.
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
            f"distill.method: {name} is not possible with benchmark.kind {kind.name}, whose models"
            f" return {outputs}"
        )
    if steps:
        raise ValueError(
            f"prune.0.method: {steps[0].method} is not possible with distill.method {name},"
            " whose student has no layers and only the tokens of its texts"
        )
    if isinstance(quantize, Binary):
        raise ValueError(
            f"quantize.method: binary is not possible with distill.method {name}, whose student has"
            " no layers"
        )
    if isinstance(quantize, Qat) and quantize.hidden_states:
        raise ValueError(
            f"quantize.hidden_states: must be 0 with distill.method {name}, whose student has no"
            " hidden states"
        )
