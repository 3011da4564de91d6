"""Presets: what they fill in, and that each fits every task kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoConfig

from coldpress.data.splits import Split
from coldpress.data.words import split_words
from coldpress.distillation import Convolution, Logits
from coldpress.distillation.method import DistillationContext
from coldpress.distillation.soft_targets import compute_soft_targets
from coldpress.distillation.transfer import soft_target_data
from coldpress.errors import InputError
from coldpress.kinds import KINDS
from coldpress.kinds.kind import TaskKind
from coldpress.model.classifier import Classifier
from coldpress.model.output_head import new_module
from coldpress.model.sentence_head import SentenceHead, write_head
from coldpress.pruning.context import PruningContext
from coldpress.pruning.pipeline import run_steps
from coldpress.quantization.method import QuantizationContext
from coldpress.recipe.loading import load_recipe
from coldpress.recipe.presets import PresetName, describe_preset
from coldpress.recipe.recipe import Recipe
from coldpress.training.loop import reseed
from tests.coldpress.conftest import SIZES
from tests.coldpress.kinds.test_contract import NAMES, TARGETS
from tests.support.wordpiece import with_word_pieces

PRESETS = get_args(PresetName)
SOURCE = {"origin": "files", "train": "train.csv", "test": "test.csv"}
WIDE = {"hidden_size": 288, "num_attention_heads": 9, "num_hidden_layers": 4}


PAIRS = {
    "kind": "text-classification",
    "source": SOURCE,
    "columns": {"text": "text", "text_pair": "other", "label": "label"},
}


def recipe(**sections: object) -> Recipe:
    smallest = {
        "name": "trec",
        "benchmark": {"kind": "text-classification", "source": SOURCE},
        "teacher": {"model": "./teacher"},
    }
    return Recipe.model_validate({**smallest, **sections})


def test_a_preset_is_a_recipe_with_its_sections_written_out() -> None:
    tiny = recipe(preset="tiny")
    written = {
        "soft_targets": {"augment": {"copies": 3, "crossovers": 30, "max_rows": 200_000}},
        "distill": {
            "method": "convolution",
            "width": 96,
            "window": 5,
            "filters": 512,
            "epochs": 4,
            "min_epoch_steps": 1000,
        },
        "quantize": {"method": "static-int8"},
    }
    assert tiny.model_copy(update={"preset": None}) == recipe(**written)


def test_tiny_has_layers_where_a_window_cannot_compare_two_texts() -> None:
    tiny = recipe(preset="tiny", benchmark=PAIRS)
    written = {
        "soft_targets": {"augment": {"copies": 3, "crossovers": 30, "max_rows": 200_000}},
        "distill": {
            "method": "logits",
            "student": {
                "layers": 2,
                "width": 192,
                "heads": 4,
                "neurons": 256,
                "embedding_rank": 44,
            },
            "epochs": 2,
            "learning_rate": 5e-4,
            "batch_size": 64,
            "min_epoch_steps": 2000,
            "dropout": 0.0,
            "freeze_embeddings": False,
        },
        "prune": [{"method": "vocabulary"}],
        "quantize": {"method": "static-int8"},
    }
    assert tiny.model_copy(update={"preset": None}) == recipe(**written, benchmark=PAIRS)


def test_tiny_has_layers_where_the_recipe_prunes_them_or_gives_their_sizes() -> None:
    """Other fields of the section change those of the convolution."""
    sizes, epochs = {"student": {"width": 160}}, {"epochs": 3, "filters": 64}
    with_layers = recipe(preset="tiny", distill=sizes).distill
    tried = recipe(preset="tiny", search={"distill.student.width": [128, 192]}).distill
    convolution = recipe(preset="tiny", distill=epochs).distill
    pruned = recipe(preset="tiny", prune=[{"method": "vocabulary"}]).distill
    for distill in (with_layers, tried, pruned):
        assert isinstance(distill, Logits)
    assert isinstance(convolution, Convolution)
    assert (convolution.epochs, convolution.filters, convolution.window) == (3, 64, 5)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"text-classification"}))
def test_tiny_has_layers_for_other_kinds(kind: str) -> None:
    benchmark = {"kind": kind, "source": {"origin": "synthetic"}}
    assert isinstance(recipe(preset="tiny", benchmark=benchmark).distill, Logits)


def test_a_section_with_a_method_or_a_list_of_steps_stays_as_it_is() -> None:
    distill = {"method": "distilbert", "student": {"layers": 5}}
    fast = recipe(preset="fast", distill=distill, prune=[], quantize={"method": "smooth"})
    variants = {"augment": {"copies": 9, "max_rows": 5000}}
    without = recipe(
        soft_targets=variants, distill=distill, prune=[], quantize={"method": "smooth"}
    )
    assert fast.model_copy(update={"preset": None}) == without


def test_a_section_without_a_method_changes_fields_of_the_preset() -> None:
    given = {"preset": "tiny", "distill": {"student": {"width": 160}, "epochs": 3}}
    tiny, changed = recipe(preset="tiny"), recipe(**given, soft_targets={"augment": {"mask": 0.0}})
    assert (tiny.distill, changed.distill) != (None, None)
    assert changed.distill is not None
    assert changed.distill.model_dump(exclude_unset=True) == {
        "method": "logits",
        "student": {
            "layers": 2,
            "width": 160,
            "heads": 4,
            "neurons": 256,
            "embedding_rank": 44,
        },
        "temperature": 4.0,
        "alpha": 0.9,
        "epochs": 3,
        "learning_rate": 5e-4,
        "batch_size": 64,
        "min_epoch_steps": 2000,
        "dropout": 0.0,
        "freeze_embeddings": False,
    }
    assert changed.soft_targets.augment is not None
    assert (changed.soft_targets.augment.copies, changed.soft_targets.augment.mask) == (3, 0.0)


@pytest.mark.parametrize("preset", PRESETS)
def test_null_counts_as_omitted_and_a_filled_recipe_stays_as_it_is(preset: str) -> None:
    """The form sends null for what is empty; a stored recipe has all sections and the preset."""
    targets = {"augment": None, "hidden_states": False, "teachers": 1, "unlabelled": None}
    empty = {"soft_targets": targets, "distill": None, "prune": None, "quantize": None}
    filled = recipe(preset=preset)
    assert recipe(preset=preset, **empty) == filled
    assert Recipe.model_validate(filled.model_dump(mode="json")) == filled


def test_an_error_in_a_preset_recipe_names_the_field(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\npreset: tiny\nteacher: {model: ./teacher}\n"
        "benchmark: {kind: text-classification, source: {origin: synthetic}}\n"
    )
    with pytest.raises(InputError, match=r"^mine\.yaml: distill\.student\.width: input should be"):
        load_recipe(str(path), ["distill.student.width=0"])
    with pytest.raises(InputError, match=r"^mine\.yaml: preset: input should be 'accurate', 'fas"):
        load_recipe(str(path), ["preset=small"])


def test_what_was_filled_in_is_described_without_default_values() -> None:
    assert describe_preset(recipe()) == {}
    steps = "[{method: neurons, keep_neurons: 0.5}, {method: heads, keep_heads: 0.5}]"
    described = describe_preset(recipe(preset="fast", prune=None))
    assert described["preset"] == "fast"
    assert described["distill"] == "{method: logits, min_epoch_steps: 150, student: {layers: 3}}"
    assert described["prune"] == steps.replace("]", ", {method: vocabulary}]")
    assert described["quantize"] == "{method: static-int8}"


def test_texts_with_translations_are_not_augmented() -> None:
    benchmark = {
        "kind": "sentence-embedding",
        "source": {"origin": "files", "train": "train.jsonl"},
        "columns": {"text": "en", "translations": ["de"]},
        "judge": {"bitext": "test.jsonl"},
    }
    assert recipe(preset="tiny", benchmark=benchmark).soft_targets.augment is None


@pytest.fixture
def teacher(
    random_classifier: Callable[..., Classifier], tokenizer: Tokenizer
) -> Callable[[TaskKind], Classifier]:
    """Build a teacher of a kind that is larger than each preset's student, but for its neurons."""

    def build(kind: TaskKind) -> Classifier:
        if kind.head != "sentence":
            names = NAMES[kind.name]
            model = random_classifier("bert", kind, num_labels=len(names), **WIDE)
            return with_word_pieces(replace(model, labels=names))
        sizes: dict[str, Any] = {**SIZES, **WIDE, "vocab_size": tokenizer.get_vocab_size()}
        config = AutoConfig.for_model("bert", **sizes, pad_token_id=0)
        write_head(config, SentenceHead("mean", None, True))
        torch.manual_seed(0)
        module: nn.Module = new_module(kind, config)
        return with_word_pieces(Classifier(module.eval(), tokenizer, ("vector",), kind))

    return build


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_can_do_what_each_preset_asks_for(
    kind: TaskKind, preset: str, teacher: Callable[[TaskKind], Classifier], split: Split
) -> None:
    sizes = {"student": {"neurons": 32}, "epochs": 1, "min_epoch_steps": 1}
    filled = recipe(preset=preset, distill=sizes)
    model = teacher(kind)
    words = tuple(map(split_words, split.texts)) if kind.head == "tokens" else None
    rows = Split(split.ids, split.texts, None, TARGETS.get(kind.name, ()), words=words)
    assert filled.distill is not None
    assert filled.quantize is not None
    reseed(0, "distill_student")
    texts = rows
    if filled.soft_targets.augment is not None:
        # The tokenizer has no mask token.
        augment = filled.soft_targets.augment.model_copy(update={"mask": 0.0})
        texts = rows.concat(augment.make_variants(model, rows, 0))
    targets = compute_soft_targets(model, texts)
    data = soft_target_data(model, filled.recovery, targets, texts, rows)
    student = filled.distill.distill(model, DistillationContext(data, texts))
    context = PruningContext(data, filled.recovery, rows.texts)
    pruned = run_steps(filled.prune or [], student, context).classifier
    read = data.for_model(pruned, model.tokenizer)
    quantized = filled.quantize.quantize(pruned, QuantizationContext(read))
    assert quantized.output_size == model.output_size
