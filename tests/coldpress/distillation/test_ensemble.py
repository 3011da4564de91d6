from __future__ import annotations

import pytest
import torch

from coldpress.benchmark.loading import load_benchmark
from coldpress.data.sources import SyntheticSource
from coldpress.distillation.ensemble import average_soft_targets, train_another_teacher
from coldpress.distillation.soft_targets import SoftTargets
from coldpress.kinds import TEXT_CLASSIFICATION, TextClassificationBenchmark
from coldpress.teacher.spec import ScratchModel, Teacher


def test_logits_are_averaged_and_everything_else_is_the_first_teachers() -> None:
    first = SoftTargets(
        ("a", "b"), torch.tensor([[1.0, 3.0], [0.0, 2.0]]).half(), torch.ones(2, 1, 1)
    )
    second = SoftTargets(("a", "b"), torch.tensor([[3.0, 0.0], [4.0, 2.0]]).half())
    both = average_soft_targets([first, second])
    assert both.logits.tolist() == [[2.0, 1.5], [2.0, 2.0]]
    assert (both.ids, both.logits.dtype) == (("a", "b"), torch.float16)
    assert both.hidden_states is first.hidden_states


def test_the_mean_of_logits_is_the_geometric_mean_of_distributions() -> None:
    logits = [torch.tensor([[1.0, 3.0, 0.0]]), torch.tensor([[2.0, -1.0, 0.5]])]
    mean = average_soft_targets([SoftTargets(("a",), tensor) for tensor in logits]).logits.float()
    for temperature in (1.0, 4.0):
        first, second = ((tensor / temperature).softmax(-1) for tensor in logits)
        geometric = (first * second).sqrt().log() * temperature
        loss = TEXT_CLASSIFICATION.soft_loss(geometric, mean, temperature)
        assert loss.item() == pytest.approx(0, abs=1e-6)


def test_more_teachers_are_trained_from_other_random_numbers() -> None:
    section = TextClassificationBenchmark(
        kind="text-classification",
        source=SyntheticSource(origin="synthetic", train_examples=120, test_examples=60),
    )
    data = load_benchmark(section, 0)
    sizes = ScratchModel(
        origin="scratch", layers=1, hidden_size=16, heads=2, neurons=16, vocabulary_size=100
    )
    teacher = Teacher(model=sizes, epochs=1, learning_rate=1e-3, freeze_embeddings=False)
    second, third, again = (
        train_another_teacher(number, teacher, data, 32, seed=0).module.state_dict()
        for number in (2, 3, 2)
    )
    assert all(torch.equal(value, again[name]) for name, value in second.items())
    assert not torch.equal(second["classifier.weight"], third["classifier.weight"])
