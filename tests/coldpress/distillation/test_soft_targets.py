from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from coldpress.data.splits import Split
from coldpress.data.words import split_words
from coldpress.distillation import soft_targets
from coldpress.kinds import KINDS
from coldpress.model.classifier import Classifier


def test_logits_are_looked_up_by_row_id_in_any_order(tiny: Classifier, split: Split) -> None:
    computed = soft_targets.compute_soft_targets(tiny, split)
    backwards = split.take(list(reversed(range(len(split)))))
    assert torch.equal(computed.for_rows(backwards), computed.logits.float().flip(0))


def test_a_row_without_soft_targets_is_an_error(tiny: Classifier, split: Split) -> None:
    computed = soft_targets.compute_soft_targets(tiny, split.take([0, 1]))
    with pytest.raises(KeyError, match="row-2"):
        computed.for_rows(split)


def test_logits_are_saved_as_float16_and_loaded_unchanged(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    computed = soft_targets.compute_soft_targets(tiny, split)
    soft_targets.save_soft_targets(computed, tmp_path)
    loaded = soft_targets.load_soft_targets(tmp_path)
    assert loaded.ids == split.ids
    assert loaded.logits.dtype == torch.float16
    assert torch.equal(loaded.logits, computed.logits)


def test_hidden_states_hold_the_first_token_after_every_layer(
    tiny: Classifier, split: Split
) -> None:
    computed = soft_targets.compute_soft_targets(tiny, split, hidden_states=True)
    assert computed.hidden_states is not None
    assert computed.hidden_states.shape == (12, 3, 16)


def test_uniform_predictions_of_three_labels_have_an_entropy_of_ln_3() -> None:
    logits = torch.zeros(2, 3)
    assert soft_targets.mean_entropy(logits, "softmax") == pytest.approx(1.098612, abs=1e-6)


def test_entropy_of_labels_of_which_each_is_present_or_not() -> None:
    """Three labels with probability 1/2 each: 3 ln 2."""
    logits = torch.zeros(2, 3)
    assert soft_targets.mean_entropy(logits, "sigmoid") == pytest.approx(2.079442, abs=1e-6)


def test_the_words_of_a_row_have_logits_of_their_own(
    random_classifier: Callable[..., Classifier], split: Split, tmp_path: Path
) -> None:
    teacher = random_classifier("bert", KINDS["token-classification"])
    words = replace(split, targets=(), words=tuple(map(split_words, split.texts)))
    computed = soft_targets.compute_soft_targets(teacher, words)
    assert computed.units is not None
    assert computed.units.tolist() == [1 + n % 5 for n in range(12)]
    more = words.take([3])
    soft_targets.save_soft_targets(replace(computed, augmented=more), tmp_path)
    loaded = soft_targets.load_soft_targets(tmp_path)
    assert loaded.augmented is not None
    assert loaded.augmented.words == more.words
    # Rows 4 and 1 have five words and two; those before row 1 have one, those before row 4 ten.
    expected = torch.cat([computed.logits[10:15], computed.logits[1:3]]).float()
    assert torch.equal(loaded.for_rows(words.take([4, 1])), expected)


def test_a_translation_has_the_soft_targets_of_its_source(tiny: Classifier, split: Split) -> None:
    own = soft_targets.compute_soft_targets(tiny, split)
    first, second = split.texts[:2]
    sources = (second, first, *split.texts[2:])
    swapped = soft_targets.compute_soft_targets(tiny, replace(split, sources=sources), True)
    assert swapped.ids == split.ids
    assert torch.equal(swapped.logits[[1, 0, *range(2, 12)]], own.logits)
    assert swapped.hidden_states is not None
    assert swapped.hidden_states.shape == (12, 3, 16)
