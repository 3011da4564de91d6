from pathlib import Path

import pytest
import torch

from coldpress.data.splits import Split
from coldpress.distillation import soft_targets
from coldpress.model.classifier import Classifier


def test_answers_are_found_by_id_whatever_the_order(tiny: Classifier, split: Split) -> None:
    given = soft_targets.compute_soft_targets(tiny, split)
    backwards = split.take(list(reversed(range(len(split)))))
    assert torch.equal(given.of(backwards), given.logits.float().flip(0))


def test_a_row_that_was_never_answered_is_an_error(tiny: Classifier, split: Split) -> None:
    given = soft_targets.compute_soft_targets(tiny, split.take([0, 1]))
    with pytest.raises(KeyError, match="row-2"):
        given.of(split)


def test_logits_are_kept_as_float16_and_read_back_unchanged(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    given = soft_targets.compute_soft_targets(tiny, split)
    soft_targets.save_soft_targets(given, tmp_path)
    found = soft_targets.load_soft_targets(tmp_path)
    assert found.ids == split.ids
    assert found.logits.dtype == torch.float16
    assert torch.equal(found.logits, given.logits)


def test_hidden_states_hold_the_first_token_after_every_layer(
    tiny: Classifier, split: Split
) -> None:
    given = soft_targets.compute_soft_targets(tiny, split, hidden_states=True)
    assert given.hidden_states is not None
    assert given.hidden_states.shape == (12, 3, 16)


def test_a_teacher_that_cannot_choose_between_three_has_an_entropy_of_ln_3() -> None:
    assert soft_targets.mean_entropy(torch.zeros(2, 3)) == pytest.approx(1.098612, abs=1e-6)
