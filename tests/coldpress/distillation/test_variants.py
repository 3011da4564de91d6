from __future__ import annotations

from coldpress.data.splits import Split
from coldpress.distillation.augmentation import Augmentation
from coldpress.model.classifier import Classifier
from tests.support.unlabelled_rows import unlabelled_rows

NOTHING_REPLACED = Augmentation(copies=0, crossovers=9, replace=0.0, mask=0.0)


def test_crossovers_follow_the_texts_with_other_words(tiny: Classifier) -> None:
    rows = unlabelled_rows("cold press", "olive oil")
    plan = Augmentation(copies=5, replace=0.5, mask=0.0)
    replaced = plan.make_variants(tiny, rows, 0)
    both = plan.model_copy(update={"crossovers": 5}).make_variants(tiny, rows, 0)
    assert both.texts[: len(replaced)] == replaced.texts
    assert len(both) > len(replaced)
    assert both.targets == ()


def test_crossed_texts_are_the_beginning_of_one_and_the_end_of_another(tiny: Classifier) -> None:
    plan = NOTHING_REPLACED
    variants = plan.make_variants(tiny, unlabelled_rows("cold press", "olive oil"), 0)
    assert sorted(variants.texts) == ["cold oil", "olive press"]


def test_words_of_crossed_texts_are_replaced_too(tiny: Classifier) -> None:
    tiny.tokenizer.add_special_tokens(["[MASK]"])
    plan = Augmentation(copies=0, crossovers=9, replace=0.0, mask=0.5)
    variants = plan.make_variants(tiny, unlabelled_rows("cold press", "olive oil"), 0)
    assert {"[MASK] oil", "olive [MASK]"} <= set(variants.texts)


def test_no_row_is_made_twice_and_none_of_the_input(tiny: Classifier) -> None:
    rows = unlabelled_rows("cold press", "olive oil", "cold oil")
    variants = NOTHING_REPLACED.make_variants(tiny, rows, 0)
    assert sorted(variants.texts) == ["olive press"]
    assert len(set(variants.ids)) == len(variants)


def test_no_variants_are_made_beyond_the_largest_number_of_rows(tiny: Classifier) -> None:
    tiny.tokenizer.add_special_tokens(["[MASK]"])
    rows = unlabelled_rows("cold press olive oil", "slow warm stone")
    few = Augmentation(copies=9, max_rows=4, replace=0.0, mask=0.5)
    assert len(few.make_variants(tiny, rows, 0)) <= 2
    none = few.model_copy(update={"max_rows": 3})
    assert none.make_variants(tiny, rows, 0) == Split((), (), None, ())


def test_without_copies_and_crossovers_there_are_no_variants(tiny: Classifier) -> None:
    plan = Augmentation(copies=0, crossovers=0)
    assert plan.make_variants(tiny, unlabelled_rows("cold press", "olive oil"), 0) == Split(
        (), (), None, ()
    )
