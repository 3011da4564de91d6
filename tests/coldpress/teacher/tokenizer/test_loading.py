from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, RobertaConfig

from coldpress.data.encoding import find_pad_id
from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import load_classifier, save_classifier, write_checkpoint
from coldpress.teacher.tokenizer.loading import TeacherTokenizer, load_teacher_tokenizer

NAMES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Oil", "oil", "press", "cafe", "café")


def wordpiece(**settings: Any) -> Tokenizer:  # noqa: ANN401
    tokenizer = Tokenizer(models.WordPiece({n: i for i, n in enumerate(NAMES)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(**{"lowercase": True, **settings})
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.add_special_tokens(list(NAMES[:5]))
    return tokenizer


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write the directory of a BERT model without weights."""

    def make(tokenizer: Tokenizer | None, settings: Mapping[str, Any], **sizes: int) -> Path:
        rows: dict[str, Any] = {"vocab_size": len(NAMES), "max_position_embeddings": 16, **sizes}
        BertConfig(**rows).save_pretrained(tmp_path)
        if tokenizer is not None:
            tokenizer.save(str(tmp_path / "tokenizer.json"))
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
        return tmp_path

    return make


def ids(source: TeacherTokenizer, text: str) -> list[int]:
    return list(source.tokenizer.encode(text).ids)


BERT = {"tokenizer_class": "BertTokenizer"}


@pytest.mark.parametrize(
    ("settings", "oil"),
    [({}, 6), ({"do_lower_case": True}, 6), ({"do_lower_case": False}, 5)],
)
def test_case_follows_tokenizer_config(
    write: Callable[..., Path], settings: dict[str, Any], oil: int
) -> None:
    """The class of BERT rebuilds the lower-casing tokenizer.json."""
    source = load_teacher_tokenizer(write(wordpiece(), {**BERT, **settings}), 8, "teacher")
    assert ids(source, "Oil") == [2, oil, 3]


@pytest.mark.parametrize(("strip", "word"), [(True, 8), (False, 9)])
def test_accents_follow_tokenizer_config(
    write: Callable[..., Path], strip: bool, word: int
) -> None:
    source = load_teacher_tokenizer(
        write(wordpiece(), {**BERT, "strip_accents": strip}), 8, "teacher"
    )
    assert ids(source, "café") == [2, word, 3]


def test_the_generic_class_uses_tokenizer_json_unchanged(
    write: Callable[..., Path],
) -> None:
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": True}
    source = load_teacher_tokenizer(write(wordpiece(lowercase=False), settings), 8, "teacher")
    assert ids(source, "Oil") == [2, 5, 3]


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_a_vocabulary_file_alone_is_enough(write: Callable[..., Path], end: str) -> None:
    directory = write(None, {**BERT, "do_lower_case": False})
    (directory / "vocab.txt").write_text("\n".join(NAMES) + end)
    assert ids(load_teacher_tokenizer(directory, 8, "teacher"), "Oil press") == [2, 5, 7, 3]


def test_the_truncation_side_is_used(write: Callable[..., Path]) -> None:
    source = load_teacher_tokenizer(
        write(wordpiece(), {**BERT, "truncation_side": "left"}), 4, "teacher"
    )
    assert ids(source, "oil press cafe") == [2, 7, 8, 3]


@pytest.mark.parametrize(
    ("model_limit", "max_tokens", "limit"), [(5, 8, 5), (1e30, 8, 8), (512, 128, 16)]
)
def test_the_smallest_limit_applies(
    write: Callable[..., Path], model_limit: float, max_tokens: int, limit: int
) -> None:
    source = load_teacher_tokenizer(
        write(wordpiece(), {**BERT, "model_max_length": model_limit}), max_tokens, "teacher"
    )
    assert len(ids(source, "oil " * 40)) == source.max_tokens == limit


@pytest.mark.parametrize(
    ("names", "segments"),
    [
        (["input_ids", "attention_mask"], [0, 0, 0, 0, 0]),
        (["input_ids", "token_type_ids", "attention_mask"], [0, 0, 0, 1, 1]),
    ],
)
def test_the_second_text_has_its_own_segment_only_if_segment_ids_are_inputs(
    write: Callable[..., Path], names: list[str], segments: list[int]
) -> None:
    source = load_teacher_tokenizer(
        write(wordpiece(), {**BERT, "model_input_names": names}), 8, "teacher"
    )
    assert source.tokenizer.encode("oil", "press").type_ids == segments


def test_dropout_is_off(write: Callable[..., Path]) -> None:
    merges = [("a", "b"), ("ab", "ab")]
    vocabulary = {"[CLS]": 0, "[SEP]": 1, "a": 2, "b": 3, "ab": 4, "abab": 5}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, dropout=0.5))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 1), ("[CLS]", 0))
    source = load_teacher_tokenizer(
        write(tokenizer, {"tokenizer_class": "PreTrainedTokenizerFast"}), 8, "teacher"
    )
    assert {tuple(ids(source, "abab")) for _ in range(30)} == {(0, 5, 1)}
    assert json.loads(source.tokenizer.to_str())["model"]["dropout"] is None


@pytest.mark.parametrize("padding", [0, 3])
def test_the_padding_id_is_that_of_the_model(write: Callable[..., Path], padding: int) -> None:
    source = load_teacher_tokenizer(write(wordpiece(), BERT, pad_token_id=padding), 8, "teacher")
    assert find_pad_id(source.tokenizer) == padding
    again = Tokenizer.from_str(source.tokenizer.to_str())
    rows = again.encode_batch(["oil", "oil press"])
    assert len(rows[0].ids) == (4 if padding else 3)  # the default padding is not in the file
    assert padding == 0 or rows[0].ids[-1] == padding


def test_positions_of_roberta_are_counted_from_the_padding(write: Callable[..., Path]) -> None:
    directory = write(wordpiece(), {"tokenizer_class": "PreTrainedTokenizerFast"})
    config = RobertaConfig(vocab_size=len(NAMES), max_position_embeddings=16, pad_token_id=3)
    config.save_pretrained(directory)
    assert load_teacher_tokenizer(directory, 64, "teacher").max_tokens == 12


def test_an_added_token_without_a_row_is_dropped(write: Callable[..., Path]) -> None:
    tokenizer = wordpiece()
    tokenizer.add_tokens(["[URL]", "press oil"])
    source = load_teacher_tokenizer(write(tokenizer, BERT, vocab_size=len(NAMES) + 1), 8, "teacher")
    assert source.dropped == ("press oil",)
    assert ids(source, "[URL]") == [2, len(NAMES), 3]
    assert ids(source, "press oil") == [2, 7, 6, 3]


@pytest.mark.parametrize(
    ("settings", "sizes", "message"),
    [
        ({"split_special_tokens": True}, {}, "split_special_tokens is true"),
        ({"model_max_length": -1}, {}, "model_max_length is -1"),
        ({"model_max_length": "long"}, {}, "model_max_length is 'long'"),
        ({}, {"vocab_size": 9}, "token 'café' has the id 9, but vocab_size is 9"),
        ({"tokenizer_class": "BertJapaneseTokenizer"}, {}, "tokenizer"),
    ],
)
def test_settings_that_a_tokenizer_json_cannot_express_are_refused(
    write: Callable[..., Path], settings: dict[str, Any], sizes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=rf"^teacher: [^\n]*{message}"):
        load_teacher_tokenizer(write(wordpiece(), {**BERT, **settings}, **sizes), 8, "teacher")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"tokenizer_class": 3}', "\ufeff{}"])
def test_settings_that_cannot_be_read_are_refused_in_one_line(
    write: Callable[..., Path], content: str
) -> None:
    directory = write(wordpiece(), BERT)
    (directory / "tokenizer_config.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"^teacher: the tokenizer cannot be loaded: [^\n]+$"):
        load_teacher_tokenizer(directory, 8, "teacher")


def test_code_in_a_models_directory_is_not_run(write: Callable[..., Path]) -> None:
    code = {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}, "tokenizer_class": "Evil"}
    directory = write(wordpiece(), code)
    (directory / "evil.py").write_text("raise SystemExit('was run')")
    assert ids(load_teacher_tokenizer(directory, 8, "teacher"), "oil") == [2, 6, 3]


def test_transformers_reads_a_checkpoint_as_it_was_trained(
    tiny: Classifier, tmp_path: Path
) -> None:
    """Without tokenizer_config.json, transformers would rebuild it as a WordPiece tokenizer."""
    save_classifier(tiny, tmp_path)
    source = load_teacher_tokenizer(tmp_path, 16, "teacher")
    for text in ("cold press", "Cold", "[CLS] oil", "", "olive " * 20):
        expected = tiny.tokenizer.encode(text).ids
        assert ids(source, text) == expected
        assert source.reference(text, truncation=True, max_length=16)["input_ids"] == expected
    assert source.tokenizer.encode("cold", "press").type_ids == [0, 0, 0, 1, 1]


def test_a_tokenizer_without_an_unknown_token_can_be_loaded(write: Callable[..., Path]) -> None:
    names = {
        name: token_id for token_id, name in enumerate(NAMES) if name not in ("[UNK]", "[MASK]")
    }
    tokenizer = Tokenizer(models.WordPiece(names, unk_token="[UNK]"))
    assert load_teacher_tokenizer(write(tokenizer, BERT), 8, "teacher").max_tokens == 8


def test_a_mask_token_may_have_a_normalized_name(write: Callable[..., Path]) -> None:
    tokenizer = wordpiece()
    tokenizer.add_tokens(["<BLANK>"])
    directory = write(tokenizer, {**BERT, "mask_token": "<BLANK>"}, vocab_size=len(NAMES) + 1)
    assert load_teacher_tokenizer(directory, 8, "teacher").mask == "<BLANK>"


@pytest.mark.parametrize("name", ["[MASK]", "<blank>"])
def test_the_mask_token_is_saved_in_the_checkpoint(
    tiny: Classifier, tmp_path: Path, name: str
) -> None:
    tiny.tokenizer.add_special_tokens([name])
    tiny.mask_token = name
    write_checkpoint(tiny, tmp_path / "tiny", Manifest(stage="train_teacher"))
    assert load_classifier(Checkpoint.open(tmp_path / "tiny")).copy().mask_token == name


@pytest.mark.parametrize(("settings", "mask"), [({}, "[MASK]"), ({"mask_token": "press"}, "press")])
def test_the_mask_token_follows_tokenizer_config(
    write: Callable[..., Path], settings: dict[str, Any], mask: str
) -> None:
    """A common name that is not an added token is ignored."""
    assert (
        load_teacher_tokenizer(write(wordpiece(), {**BERT, **settings}), 8, "teacher").mask == mask
    )


def test_an_older_checkpoint_is_read_as_it_was_trained(tiny: Classifier, tmp_path: Path) -> None:
    save_classifier(tiny, tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    (tmp_path / "coldpress.json").write_text("{}")
    source = load_teacher_tokenizer(tmp_path, 16, "teacher")
    assert ids(source, "Cold press") == [2, 1, 5, 3]
    assert source.tokenizer.encode("cold", "press").type_ids == [0, 0, 0, 1, 1]
