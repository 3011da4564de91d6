from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig

from coldpress.benchmark.loading import Benchmark
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.teacher.tokenizer.comparison import compare_with_transformers
from coldpress.teacher.tokenizer.loading import TeacherTokenizer, load_teacher_tokenizer
from tests.support.acceptance import does_not_raise

NAMES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b")


def words(unknown: str = "[UNK]", special: bool = True) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({n: i for i, n in enumerate(NAMES)}, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if special:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def load(tokenizer: Tokenizer, place: Path, **sizes: Any) -> TeacherTokenizer:  # noqa: ANN401
    rows: dict[str, Any] = {"vocab_size": len(NAMES), "max_position_embeddings": 16, **sizes}
    BertConfig(**rows).save_pretrained(place)
    tokenizer.save(str(place / "tokenizer.json"))
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": inputs}
    (place / "tokenizer_config.json").write_text(json.dumps(settings))
    return load_teacher_tokenizer(place, 8, "teacher")


def data(*texts: str, pairs: bool = False) -> Benchmark:
    ids = tuple(f"row-{n}" for n in range(len(texts)))
    split = Split(ids, texts, texts if pairs else None, (0,) * len(texts))
    return Benchmark(TEXT_CLASSIFICATION, ("no", "yes"), split, split, split, digest="", overlap=0)


@pytest.mark.parametrize("pairs", [False, True])
def test_a_tokenizer_that_reads_every_text_passes(tmp_path: Path, pairs: bool) -> None:
    with does_not_raise():
        compare_with_transformers(load(words(), tmp_path), data("a", "b Ω", pairs=pairs))


@pytest.mark.parametrize(
    ("tokenizer", "sizes", "message"),
    [
        (words(unknown="[NONE]"), {}, "the tokenizer cannot read .*Missing .* unknown token"),
        (words(special=False), {}, "returns no token for ''; give it a post_processor"),
        (words(), {"max_position_embeddings": 2}, "at most 2 tokens fit, and 3 of them"),
        (words(), {"max_position_embeddings": 3}, "at most 3 tokens fit, and 3 of them"),
    ],
)
def test_a_tokenizer_that_cannot_read_every_text_is_refused(
    tmp_path: Path, tokenizer: Tokenizer, sizes: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=rf"^teacher: [^\n]*{message}"):
        compare_with_transformers(
            load(tokenizer, tmp_path, **sizes), data("a b", pairs=bool(sizes))
        )


def test_a_special_token_without_a_row_is_refused(tmp_path: Path) -> None:
    tokenizer = words()
    tokenizer.add_special_tokens(["<end>"])
    tokenizer.post_processor = processors.BertProcessing(("<end>", 6), ("[CLS]", 2))
    with pytest.raises(InputError, match=r"^teacher: '' has the token '<end>', id 6, but vocab"):
        compare_with_transformers(load(tokenizer, tmp_path), data("a"))


def test_a_dropped_token_must_not_be_in_the_data(tmp_path: Path) -> None:
    tokenizer = words()
    tokenizer.add_tokens(["[URL]"])
    source = load(tokenizer, tmp_path)
    compare_with_transformers(source, data("a", "b"))
    message = (
        r"^teacher: the added token '\[URL\]' has the id 6, but vocab_size is 6, and 'b \[URL\]'"
    )
    with pytest.raises(InputError, match=message):
        compare_with_transformers(source, data("a", "b [URL]"))


def test_a_segment_without_a_row_is_refused(tmp_path: Path) -> None:
    tokenizer = words()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:2 $A [SEP]", pair=None, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    with pytest.raises(InputError, match=r"^teacher: '' has the segment 2, but type_vocab_size"):
        compare_with_transformers(load(tokenizer, tmp_path), data("a"))


def test_other_token_ids_in_transformers_are_refused(tmp_path: Path) -> None:
    source = load(words(), tmp_path)
    source.reference.backend_tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    message = (
        r"^teacher: a tokenizer.json cannot express this tokenizer: the token ids of .* are 2/"
    )
    with pytest.raises(InputError, match=message):
        compare_with_transformers(source, data("a b"))
