"""Short training runs, to be compared between one process and several.

As a script it is one rank, or the only process: it runs all cases and writes the curves.

    python -m tests.support.rank_training NUMBER COUNT FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import distributed
from transformers import BertConfig, MPNetConfig

from coldpress import ranks
from coldpress.data.encoding import EncodedSplit
from coldpress.distillation.hinton.loss import TargetMixture, soft_and_hard_loss
from coldpress.distillation.minilm.loss import relations_loss
from coldpress.distillation.tinybert.loss import layerwise_loss
from coldpress.kinds import KINDS
from coldpress.model.activations import TeacherStudentLoss
from coldpress.model.classifier import Classifier, count_nonzero_parameters
from coldpress.model.output_head import new_module
from coldpress.pruning.context import PruningContext
from coldpress.pruning.movement.scores import prune_by_movement
from coldpress.quantization.core.fake_quant import add_hidden_state_loss
from coldpress.quantization.qat.bit_widths import BitWidths, prepare_qat
from coldpress.schema.section import Optimization
from coldpress.training import step
from coldpress.training.contrastive import pair_loss
from coldpress.training.data import TrainingData
from coldpress.training.loop import fit, reseed
from coldpress.training.step import Loss, TrainingStep, no_progress

ROWS = 23  # the last batch of 11 has a single row, which two ranks cannot divide
PLAN = Optimization(epochs=3, learning_rate=3e-3, batch_size=11, freeze_embeddings=False)
SIZES: dict[str, Any] = {
    "vocab_size": 24,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "max_position_embeddings": 20,
    "initializer_range": 0.3,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}

Curve = list[float]


def build_model(kind: str, outputs: int, config: Any = None, seed: int = 0) -> Classifier:  # noqa: ANN401
    """Build a model without dropout."""
    torch.manual_seed(seed)
    config = config or BertConfig(**SIZES)
    config.num_labels = outputs
    tokenizer = Tokenizer(WordLevel({f"w{n}": n for n in range(24)}, unk_token="w1"))
    labels = tuple(f"label-{n}" for n in range(outputs))
    module = new_module(KINDS[kind], config).eval()
    return Classifier(module, tokenizer, labels, KINDS[kind])


def build_rows(targets: np.ndarray[Any, Any], words: bool = False) -> EncodedSplit:
    """Build rows of 4 to 9 tokens; as units one word for each token after the first."""
    random = np.random.default_rng(1)
    lengths = 4 + np.arange(ROWS) % 6
    ids = tuple(random.integers(2, 24, size=length) for length in lengths)
    places = tuple(np.arange(1, length) for length in lengths) if words else None
    return EncodedSplit(ids, tuple(map(np.zeros_like, ids)), targets, 0, 0, places)


def curve(
    model: Classifier, rows: EncodedSplit, loss: Loss | TeacherStudentLoss, plan: Optimization
) -> Curve:
    """Return the loss of each step, then the score of each epoch."""
    losses: Curve = []
    reseed(0, "train_teacher")
    epochs = fit(model, rows, loss, plan, rows, lambda *event: losses.append(event[2]))
    return losses + [epoch.validation_score for epoch in epochs]


def mixture(kind: str, rows: EncodedSplit, outputs: int) -> Loss:
    """Return the loss of random soft targets and the labels."""
    torch.manual_seed(3)
    soft = torch.randn(rows.unit_count, outputs)
    targets = TargetMixture(KINDS[kind], soft, torch.from_numpy(rows.targets))
    return soft_and_hard_loss(targets, 2.0, 0.5)


def logits() -> Curve:
    rows = build_rows(np.arange(ROWS) % 3)
    loss = mixture("text-classification", rows, 3)
    return curve(build_model("text-classification", 3), rows, loss, PLAN)


def ranking() -> Curve:
    """Queries of three documents, of which one is relevant."""
    numbers = np.arange(ROWS)
    rows = build_rows(np.stack([numbers // 3, (numbers % 3 == 0).astype(int)], axis=1))
    return curve(build_model("ranking", 1), rows, mixture("ranking", rows, 1), PLAN)


def tokens() -> Curve:
    rows = build_rows(np.zeros((0, 2), dtype=np.int64), words=True)
    numbers = np.repeat(np.arange(ROWS), np.diff(rows.first_units))
    targets = np.stack([np.arange(rows.unit_count) % 3, numbers], axis=1)
    rows = replace(rows, targets=targets)
    model = build_model("token-classification", 3)
    model.labels = ("O", "B-X", "I-X")
    return curve(model, rows, mixture("token-classification", rows, 3), PLAN)


def in_batch() -> Curve:
    """A loss of all pairs of texts in the batch."""
    rows = build_rows(np.arange(ROWS) % 3)
    torch.manual_seed(3)
    teacher = torch.randn(ROWS, 3)
    kind: Any = KINDS["sentence-embedding"]
    return curve(
        build_model("text-classification", 3),
        rows,
        lambda outputs, units: kind.soft_loss(outputs, teacher[units], 1.0),
        PLAN,
    )


def contrastive() -> Curve:
    """Pairs that are divided between the ranks."""
    rows = build_rows(np.arange(ROWS) % 3)
    model = build_model("text-classification", 3)
    train = TrainingStep(model, pair_loss(rows.targets), 1e-3, 3, no_progress)
    batches = ([0, 3, 1, 5, 2, 8], [4, 7, 6, 9], [10, 11])
    return [train(rows.batch(batch)) for batch in batches]


def layers() -> Curve:
    """Hidden states and attention, with a projection and a table of biases in the loss."""
    rows = build_rows(np.arange(ROWS) % 3)
    teacher = build_model("text-classification", 3, MPNetConfig(**SIZES), seed=5)
    narrow = {**SIZES, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1}
    student = build_model("text-classification", 3, MPNetConfig(**narrow))
    return curve(student, rows, layerwise_loss(teacher, student), PLAN)


def relations() -> Curve:
    rows = build_rows(np.arange(ROWS) % 3)
    teacher, student = (build_model("text-classification", 3, seed=seed) for seed in (5, 0))
    return curve(student, rows, relations_loss(teacher, 1, 4), PLAN)


def qat() -> Curve:
    """Fake quantization over moving ranges of the whole batch."""
    rows = build_rows(np.arange(ROWS) % 3)
    source = build_model("text-classification", 3)
    student = prepare_qat(source, BitWidths(8, 8, 8, "channel"), rows)
    loss = add_hidden_state_loss(source, mixture("text-classification", rows, 3), 1.0)
    plan = PLAN.model_copy(update={"learning_rate": 1e-4})
    losses = curve(student, rows, loss, plan)
    buffers = student.module.named_buffers()
    return losses + [float(b) for name, b in buffers if name.endswith((".low", ".high"))]


def movement() -> Curve:
    """Masks by scores of the gradients of all rows."""
    rows = build_rows(np.arange(ROWS) % 3)
    data = TrainingData(rows, mixture("text-classification", rows, 3), rows)
    losses: Curve = []
    context = PruningContext(data, PLAN, progress=lambda *event: losses.append(event[2]))
    reseed(0, "prune")
    pruned = prune_by_movement(build_model("text-classification", 3), 0.5, 3, context.train)
    return [*losses, float(count_nonzero_parameters(pruned))]


CASES: dict[str, Callable[[], Curve]] = {
    case.__name__: case
    for case in (logits, ranking, tokens, in_batch, contrastive, layers, relations, qat, movement)
}


def dropout_order() -> tuple[Curve, int]:
    """Train with dropout; return the curve and a number of the shared generator afterwards."""
    rows = build_rows(np.arange(ROWS) % 3)
    config = BertConfig(**{**SIZES, "hidden_dropout_prob": 0.5})
    model = build_model("text-classification", 3, config)
    result = curve(model, rows, mixture("text-classification", rows, 3), PLAN)
    return result, int(torch.randint(2**31, (1,)))


def main(number: int, count: int, folder: Path) -> None:
    """Run all cases as one rank, in float32 whatever the processor computes in."""
    torch.set_num_threads(1)
    step.supports_bf16 = lambda: False
    if count > 1:
        distributed.init_process_group(
            "gloo", init_method=f"file://{folder / 'group'}", rank=number, world_size=count
        )
    results: dict[str, Any] = {name: case() for name, case in CASES.items()}
    results["dropout"] = dropout_order()
    results["measured"] = ranks.from_first(lambda: f"größer {number}")
    (folder / f"{number}-{count}.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
