"""The seven stages in order, and the suffixes of their registered models."""

from typing import Literal, get_args

Stage = Literal[
    "train_teacher",
    "generate_soft_targets",
    "distill_student",
    "prune",
    "quantize",
    "export_onnx",
    "evaluate",
]

STAGES: tuple[Stage, ...] = get_args(Stage)

REGISTERED_SUFFIX: dict[Stage, str] = {
    "train_teacher": "-teacher",
    "distill_student": "-student",
    "prune": "-pruned",
    "quantize": "-quantized",
    "export_onnx": "",
}
"""Suffix of the registered model's name; a stage without an entry registers no model."""

RESERVED_SUFFIXES = ("-teacher", "-student", "-pruned", "-quantized", "-audit")
"""A recipe's name must not end in these: it would collide with another recipe's models."""
