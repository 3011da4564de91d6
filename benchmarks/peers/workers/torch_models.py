"""The teacher in torch, as transformers loads it, eager or compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peers.workers.protocol import Files, Job, Served

LIBRARIES = ("torch", "transformers")


def build(variant: str, job: Job, folder: Path) -> Files:  # noqa: ARG001
    """Return the teacher's own files."""
    teacher = Path(job.teacher)
    return Files([teacher / "model.safetensors"], [teacher / "tokenizer.json"])


def load(variant: str, job: Job, folder: Path, threads: int) -> Served:  # noqa: ARG001
    """Load the teacher, with the attention that transformers chooses.

    Args:
        variant: `eager` or `compile`.
        job: Names the teacher.
        folder: Unused: the teacher is served from its checkpoint.
        threads: Intra-op threads.
    """
    import torch

    from peers.workers import tokens

    torch.set_num_threads(threads)
    model = load_teacher(job)
    inputs = input_names(model)
    if variant == "compile":
        # Lengths differ between texts; without this, torch compiles for each of them at first.
        model = torch.compile(model, dynamic=True)

    @torch.inference_mode()
    def logits(arrays: tokens.Arrays) -> Any:  # noqa: ANN401
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return model(**tensors).logits.numpy()

    tokenizer = tokens.load_tokenizer(Path(job.teacher), job.max_tokens)
    return tokens.serve_logits(logits, tokenizer, job.labels, inputs)


def load_teacher(job: Job) -> Any:  # noqa: ANN401
    """Load the teacher as a module of transformers, in evaluation mode."""
    from transformers import AutoModelForSequenceClassification

    model: Any = AutoModelForSequenceClassification.from_pretrained(job.teacher)
    return model.eval()


def input_names(model: Any) -> list[str]:  # noqa: ANN401
    """Return the arrays that a model reads: some families have no segments."""
    types = ["token_type_ids"] if getattr(model.config, "type_vocab_size", 0) > 1 else []
    return ["input_ids", "attention_mask", *types]
