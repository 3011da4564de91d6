"""The seven stages, in order, and the names of the models that they register."""

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
"""What is appended to the recipe's name; a stage without an entry registers no model."""

RESERVED_SUFFIXES = ("-teacher", "-student", "-pruned", "-quantized", "-audit")
"""A recipe whose name ended so would collide with another recipe's stages."""
