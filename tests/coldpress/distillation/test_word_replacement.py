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
from coldpress.data.words import split_words
from coldpress.distillation import soft_targets
from coldpress.distillation.augmentation import Augmentation
from coldpress.distillation.word_replacement import WordReplacer, _move_words
from coldpress.errors import InputError
from coldpress.model.classifier import Classifier
from coldpress.teacher.tokenizer.wordpiece import train_wordpiece
from tests.conftest import WORDS
from tests.support.unlabelled_rows import unlabelled_rows

NEIGHBOURS = Augmentation(copies=1, replace=1.0, neighbours=2, mask=0.0)
# Ids of the tiny tokenizer.
COLD, PRESS, OLIVE, OIL, SLOW, WARM, FAST, STONE = range(4, 12)


@pytest.fixture
def near(tiny: Classifier) -> Classifier:
    """Nearest to `cold` are [CLS], `warm` and `oil`; all other tokens are orthogonal to it."""
    table = torch.eye(12, 16)
    table[WARM] = 0.9 * table[COLD] + 0.1 * table[WARM]
    table[OIL] = 0.5 * table[COLD] + 0.5 * table[OIL]
    table[2] = 7 * table[COLD]
    tiny.token_table.weight.data = table
    return tiny


def masking(tiny: Classifier) -> Classifier:
    tiny.tokenizer.add_special_tokens(["[MASK]"])
    return tiny


def test_the_nearest_words_are_those_of_the_smallest_angle(near: Classifier) -> None:
    replacer = WordReplacer(near, NEIGHBOURS)
    assert replacer.neighbours(COLD) == ["warm", "oil"]
    assert replacer.neighbours(WARM)[0] == "cold"


def test_a_word_without_a_row_of_its_own_has_no_neighbours(near: Classifier) -> None:
    replacer = WordReplacer(near, NEIGHBOURS)
    assert (replacer.neighbours(None), replacer.neighbours(1), replacer.neighbours(99)) == (
        [],
        [],
        [],
    )


def test_only_words_are_replaced(near: Classifier) -> None:
    rows = unlabelled_rows("  cold,\tunheard cold!", *["cold"] * 10)
    variants = NEIGHBOURS.make_variants(near, rows, 0)
    first = variants.texts[0]
    assert set(variants.texts[1:]) == {"warm", "oil"}
    assert first in {
        f"  {word},\tunheard {second}!" for word in ("warm", "oil") for second in ("warm", "oil")
    }
    assert variants.targets == ()


def test_masks_replace_words_but_not_punctuation(tiny: Classifier) -> None:
    plan = Augmentation(copies=1, replace=0.0, mask=1.0)
    assert plan.make_variants(masking(tiny), unlabelled_rows("cold press,oil"), 0).texts == (
        "[MASK] [MASK],[MASK]",
    )


def test_a_word_of_several_tokens_is_masked_as_one(tiny: Classifier) -> None:
    tiny.tokenizer = train_wordpiece(["cold press"] * 3, 100)
    assert len(tiny.tokenizer.encode("coldress", add_special_tokens=False)) > 1
    plan = Augmentation(copies=1, replace=0.0, mask=1.0)
    assert plan.make_variants(tiny, unlabelled_rows("press coldress"), 0).texts == (
        "[MASK] [MASK]",
    )


def test_words_are_replaced_at_the_configured_rates(tiny: Classifier) -> None:
    """30 % masked and 50 % replaced of 4000 words, within four standard errors."""
    plan = Augmentation(copies=1, replace=0.5, mask=0.3)
    (text,) = plan.make_variants(masking(tiny), unlabelled_rows(" ".join(["cold"] * 14)), 0).texts
    assert len(text.split()) == 14
    replacer = WordReplacer(masking(tiny), plan)
    rng = np.random.default_rng(0)
    words = [replacer.replace_words("cold", rng)[0] for _ in range(4000)]
    assert words.count("[MASK]") / 4000 == pytest.approx(0.3, abs=0.03)
    assert words.count("cold") / 4000 == pytest.approx(0.2, abs=0.026)


def test_random_words_are_all_words_of_the_vocabulary_and_nothing_else(tiny: Classifier) -> None:
    """A word without a row of its own is replaced, too; special tokens are never drawn."""
    plan = Augmentation(copies=1, replace=0.0, mask=0.0, random=1.0)
    replacer = WordReplacer(tiny, plan)
    rng = np.random.default_rng(0)
    drawn = {replacer.replace_words("unheard!", rng)[0] for _ in range(200)}
    assert drawn == {f"{word}!" for word in WORDS}


def test_equal_seeds_give_equal_variants_and_no_text_twice(tiny: Classifier) -> None:
    rows = unlabelled_rows("cold press olive oil", "slow warm stone", "unheard")
    plan = Augmentation(copies=3, replace=0.5, mask=0.0)
    first, second, third = (plan.make_variants(tiny, rows, seed) for seed in (3, 3, 4))
    assert first == second
    assert first.texts != third.texts
    assert len(set(first.texts)) == len(first.texts) <= 6
    assert not set(first.texts) & set(rows.texts)


def test_both_texts_of_a_pair_vary(near: Classifier) -> None:
    variants = NEIGHBOURS.make_variants(near, unlabelled_rows("cold", pairs=("cold cold",)), 0)
    assert variants.texts[0] in {"warm", "oil"}
    assert variants.pairs is not None
    assert set(variants.pairs[0].split()) <= {"warm", "oil"}


def test_no_variants_are_made_if_nothing_can_be_replaced(tiny: Classifier) -> None:
    assert NEIGHBOURS.make_variants(tiny, unlabelled_rows("unheard"), 0) == Split((), (), None, ())


def test_a_tokenizer_without_a_mask_is_refused(tiny: Classifier) -> None:
    with pytest.raises(InputError, match=r"the teacher's tokenizer has no mask_token; set 0"):
        Augmentation().make_variants(tiny, unlabelled_rows("cold"), 0)


def test_a_mask_of_an_unusual_name_is_used(tiny: Classifier) -> None:
    tiny.tokenizer.add_special_tokens(["<blank>"])
    tiny.mask_token = "<blank>"
    variants = Augmentation(copies=1, replace=0.0, mask=1.0).make_variants(
        tiny, unlabelled_rows("cold, press"), 0
    )
    assert variants.texts == ("<blank>, <blank>",)


def test_a_byte_level_tokenizer_keeps_the_spaces(tiny: Classifier) -> None:
    """Its tokens include the space before a word; a token without one continues a word."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(vocab_size=300, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([" cold warm cold warm cold"] * 9, trainer)
    tiny.tokenizer = tokenizer
    tiny.token_table.weight.data = table = torch.eye(300)
    cold, warm = (tokenizer.token_to_id(f"Ġ{word}") for word in ("cold", "warm"))
    table[warm] = table[cold] + 0.1 * table[warm]
    plan = Augmentation(copies=1, replace=1.0, mask=0.0, neighbours=1)
    (text,) = plan.make_variants(tiny, unlabelled_rows("I, a cold  cold"), 0).texts
    assert text.endswith("warm  warm")


def test_variants_are_saved_with_their_soft_targets(near: Classifier, tmp_path: Path) -> None:
    rows = replace(unlabelled_rows("cold", "press"), targets=(0, 1))
    variants = NEIGHBOURS.make_variants(near, rows, 0)
    computed = soft_targets.compute_soft_targets(near, rows.concat(variants))
    soft_targets.save_soft_targets(replace(computed, augmented=variants), tmp_path)
    loaded = soft_targets.load_soft_targets(tmp_path)
    assert loaded.augmented == variants
    transfer_set = loaded.transfer_set(rows)
    assert transfer_set.texts == ("cold", "press", *variants.texts)
    assert transfer_set.targets == (0, 1)
    assert torch.equal(loaded.for_rows(transfer_set), computed.logits.float())
    assert soft_targets.SoftTargets(rows.ids, computed.logits).transfer_set(rows) is rows


def test_words_of_a_variant_are_where_they_were_moved_to() -> None:
    # "a bb c" becomes "a [MASK] c"; "don't" becomes "do X" where "n't" is one token of the teacher.
    assert _move_words(((0, 1), (2, 4), (5, 6)), [(2, 4, 6)]) == ((0, 1), (2, 8), (9, 10))
    assert _move_words(((0, 3), (3, 4), (4, 5)), [(2, 5, 1)]) == ((0, 3), (2, 3), (2, 3))


def test_words_of_variants_cover_the_same_number_of_words(tiny: Classifier, split: Split) -> None:
    words = replace(split, targets=(), words=tuple(map(split_words, split.texts)))
    variants = Augmentation(copies=3, replace=0.3, mask=0.0).make_variants(tiny, words, 0)
    assert variants.words is not None
    assert len(variants) > 3
    for text, spans in zip(variants.texts, variants.words, strict=True):
        assert spans == split_words(text)
