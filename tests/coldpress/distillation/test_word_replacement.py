from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from coldpress.data.splits import Split
from coldpress.distillation import soft_targets
from coldpress.distillation.augmentation import Augmentation
from coldpress.distillation.word_replacement import WordReplacer
from coldpress.errors import InputError
from coldpress.model.classifier import Classifier
from coldpress.teacher.tokenizer.wordpiece import train_wordpiece

NEIGHBOURS = Augmentation(copies=1, replace=1.0, neighbours=2, mask=0.0)
# Ids of the tiny tokenizer.
COLD, PRESS, OLIVE, OIL, SLOW, WARM, FAST, STONE = range(4, 12)


@pytest.fixture
def near(tiny: Classifier) -> Classifier:
    """Next to `cold` are [CLS], then `warm`, then `oil`; all others are at right angles to it."""
    table = torch.eye(12, 16)
    table[WARM] = 0.9 * table[COLD] + 0.1 * table[WARM]
    table[OIL] = 0.5 * table[COLD] + 0.5 * table[OIL]
    table[2] = 7 * table[COLD]
    tiny.token_table.weight.data = table
    return tiny


def masking(tiny: Classifier) -> Classifier:
    tiny.tokenizer.add_special_tokens(["[MASK]"])
    return tiny


def split(*texts: str, pairs: tuple[str, ...] | None = None) -> Split:
    return Split(tuple(f"row-{i}" for i in range(len(texts))), texts, pairs, ())


def test_the_nearest_words_are_those_of_the_smallest_angle(near: Classifier) -> None:
    substitutes = WordReplacer(near, NEIGHBOURS)
    assert substitutes.of(COLD) == ["warm", "oil"]
    assert substitutes.of(WARM)[0] == "cold"


def test_a_word_without_a_row_of_its_own_has_no_neighbours(near: Classifier) -> None:
    substitutes = WordReplacer(near, NEIGHBOURS)
    assert (substitutes.of(None), substitutes.of(1), substitutes.of(99)) == ([], [], [])


def test_words_change_and_all_else_stays_as_it_was_written(near: Classifier) -> None:
    rows = split("  cold,\tunheard cold!", *["cold"] * 10)
    made = NEIGHBOURS.more(near, rows, 0)
    first = made.texts[0]
    assert set(made.texts[1:]) == {"warm", "oil"}
    assert first in {
        f"  {one},\tunheard {two}!" for one in ("warm", "oil") for two in ("warm", "oil")
    }
    assert made.labels == ()


def test_masks_stand_for_words_and_leave_punctuation(tiny: Classifier) -> None:
    plan = Augmentation(copies=1, replace=0.0, mask=1.0)
    assert plan.more(masking(tiny), split("cold press,oil"), 0).texts == ("[MASK] [MASK],[MASK]",)


def test_a_word_of_several_tokens_is_masked_as_one(tiny: Classifier) -> None:
    tiny.tokenizer = train_wordpiece(["cold press"] * 3, 100)
    assert len(tiny.tokenizer.encode("coldress", add_special_tokens=False)) > 1
    plan = Augmentation(copies=1, replace=0.0, mask=1.0)
    assert plan.more(tiny, split("press coldress"), 0).texts == ("[MASK] [MASK]",)


def test_shares_are_what_they_say(tiny: Classifier) -> None:
    """Of 4000 words 0.3 and 0.5 of them, within four standard errors."""
    plan = Augmentation(copies=1, replace=0.5, mask=0.3)
    (text,) = plan.more(masking(tiny), split(" ".join(["cold"] * 14)), 0).texts
    assert len(text.split()) == 14
    words = WordReplacer(masking(tiny), plan)
    draw = np.random.default_rng(0)
    varied = [words.vary("cold", draw) for _ in range(4000)]
    assert varied.count("[MASK]") / 4000 == pytest.approx(0.3, abs=0.03)
    assert varied.count("cold") / 4000 == pytest.approx(0.2, abs=0.026)


def test_equal_seeds_give_equal_variants_and_no_text_twice(tiny: Classifier) -> None:
    rows = split("cold press olive oil", "slow warm stone", "unheard")
    plan = Augmentation(copies=3, replace=0.5, mask=0.0)
    one, again, other = (plan.more(tiny, rows, seed) for seed in (3, 3, 4))
    assert one == again
    assert one.texts != other.texts
    assert len(set(one.texts)) == len(one.texts) <= 6
    assert not set(one.texts) & set(rows.texts)


def test_both_texts_of_a_pair_vary(near: Classifier) -> None:
    made = NEIGHBOURS.more(near, split("cold", pairs=("cold cold",)), 0)
    assert made.texts[0] in {"warm", "oil"}
    assert made.pairs is not None
    assert set(made.pairs[0].split()) <= {"warm", "oil"}


def test_where_nothing_can_be_replaced_there_is_nothing_more(tiny: Classifier) -> None:
    assert NEIGHBOURS.more(tiny, split("unheard"), 0) == Split((), (), None, ())


def test_a_tokenizer_without_a_mask_is_refused(tiny: Classifier) -> None:
    with pytest.raises(InputError, match=r"the teacher's tokenizer has no mask_token; set 0"):
        Augmentation().more(tiny, split("cold"), 0)


def test_a_mask_of_an_unusual_name_is_used(tiny: Classifier) -> None:
    tiny.tokenizer.add_special_tokens(["<blank>"])
    tiny.mask_token = "<blank>"
    made = Augmentation(copies=1, replace=0.0, mask=1.0).more(tiny, split("cold, press"), 0)
    assert made.texts == ("<blank>, <blank>",)


def test_a_byte_level_tokenizer_keeps_the_spaces(tiny: Classifier) -> None:
    """Its tokens have the space before a word in them, and one inside a word never follows it."""
    made = Tokenizer(BPE())
    made.pre_tokenizer, made.decoder = ByteLevel(add_prefix_space=False), ByteLevelDecoder()
    trainer = BpeTrainer(vocab_size=300, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    made.train_from_iterator([" cold warm cold warm cold"] * 9, trainer)
    tiny.tokenizer = made
    tiny.token_table.weight.data = table = torch.eye(300)
    cold, warm = (made.token_to_id(f"Ġ{word}") for word in ("cold", "warm"))
    table[warm] = table[cold] + 0.1 * table[warm]
    plan = Augmentation(copies=1, replace=1.0, mask=0.0, neighbours=1)
    (text,) = plan.more(tiny, split("I, a cold  cold"), 0).texts
    assert text.endswith("warm  warm")


def test_what_was_made_is_kept_with_the_answers_to_it(near: Classifier, tmp_path: Path) -> None:
    rows = replace(split("cold", "press"), labels=(0, 1))
    made = NEIGHBOURS.more(near, rows, 0)
    given = soft_targets.compute_soft_targets(near, rows.followed_by(made))
    soft_targets.save_soft_targets(replace(given, augmented=made), tmp_path)
    found = soft_targets.load_soft_targets(tmp_path)
    assert found.augmented == made
    shown = found.transfer_set(rows)
    assert shown.texts == ("cold", "press", *made.texts)
    assert shown.labels == (0, 1)
    assert torch.equal(found.of(shown), given.logits.float())
    assert soft_targets.SoftTargets(rows.ids, given.logits).transfer_set(rows) is rows


@pytest.mark.parametrize("shares", [(0.0, 0.0), (0.6, 0.5)])
def test_shares_of_the_same_words_are_some_and_no_more_than_all(
    shares: tuple[float, float],
) -> None:
    with pytest.raises(ValueError, match="replace and mask: together above 0 and at most 1"):
        Augmentation(replace=shares[0], mask=shares[1])
