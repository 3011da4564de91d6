"""Hypothesis strategies for tokenizers of four types with random settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from tests.support.tokenizer_directories import ADDED, CORPUS, Teacher

SPECIAL = (
    ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    ("<pad>", "<unk>", "<s>", "</s>", "<mask>"),
    ("PADDING", "unknown!", "Start", "«end»", "blank"),
)
PLAIN = ("PreTrainedTokenizerFast", "TokenizersBackend")


def _words(special: Sequence[str]) -> list[str]:
    words = sorted({word for text in CORPUS for word in text.replace(",", " ").split()})
    characters = sorted({character for word in words for character in word + word.lower()})
    pieces = [*characters, *(f"##{character}" for character in characters), "pre", "##ss"]
    return [*dict.fromkeys([*special, *pieces, *words, *(word.lower() for word in words)])]


@st.composite
def wordpiece(draw: st.DrawFn) -> Teacher:
    special = draw(st.sampled_from(SPECIAL))
    names = _words(draw(st.permutations(special)))
    unknown = draw(st.integers(0, 9)) > 0
    if not unknown:
        names.remove(special[1])
    tokenizer = Tokenizer(
        models.WordPiece({n: i for i, n in enumerate(names)}, unk_token=special[1])
    )
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=draw(st.booleans()),
        strip_accents=draw(st.sampled_from((None, True, False))),
        handle_chinese_chars=draw(st.booleans()),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = _bert_post_processor(draw, special, names)
    family = draw(st.sampled_from(("bert", "electra", "distilbert")))
    kind = draw(st.sampled_from(("BertTokenizer", "BertTokenizerFast", *PLAIN, None)))
    settings = {
        "do_lower_case": draw(st.booleans()),
        "strip_accents": draw(st.sampled_from((None, True, False))),
        "tokenize_chinese_chars": draw(st.booleans()),
    }
    teacher = _add_variations(draw, Teacher(family, tokenizer, settings, special, len(names)), kind)
    teacher.refusable |= not unknown
    if kind not in PLAIN and draw(st.booleans()):
        teacher.files["vocab.txt"] = "\n".join(names) + "\n"
        extra = {t: i for t, i in tokenizer.get_vocab().items() if i >= len(names)}
        if extra:
            teacher.files["added_tokens.json"] = json.dumps(extra)
    return teacher


def _bert_post_processor(draw: st.DrawFn, special: Sequence[str], names: Sequence[str]) -> Any:  # noqa: ANN401
    first, last = ((token, names.index(token)) for token in special[2:4])
    if draw(st.booleans()):
        return processors.BertProcessing(last, first)
    return processors.TemplateProcessing(
        single=f"{first[0]} $A {last[0]}",
        pair=f"{first[0]} $A {last[0]} $B:1 {last[0]}:1",
        special_tokens=[first, last],
    )


@st.composite
def bpe(draw: st.DrawFn) -> Teacher:
    special = draw(st.sampled_from(SPECIAL))
    unknown = draw(st.booleans())
    model = models.BPE(unk_token=special[1] if unknown else None, fuse_unk=draw(st.booleans()))
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), *([normalizers.Lowercase()] if draw(st.booleans()) else [])]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    order = draw(st.permutations(special))
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=150, special_tokens=order))
    return _roberta_teacher(draw, tokenizer, special, draw(st.sampled_from(PLAIN)))


@st.composite
def byte_level(draw: st.DrawFn) -> Teacher:
    special = draw(st.sampled_from(SPECIAL))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=draw(st.booleans()))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    order = draw(st.permutations(special))
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(vocab_size=320, special_tokens=order, initial_alphabet=alphabet),
    )
    names = dict(tokenizer.get_vocab())
    kind = draw(st.sampled_from(("RobertaTokenizer", "RobertaTokenizerFast", *PLAIN, None)))
    teacher = _roberta_teacher(draw, tokenizer, special, kind)
    teacher.settings["add_prefix_space"] = draw(st.booleans())
    # For ModernBERT transformers reads only tokenizer.json.
    if teacher.family == "roberta" and kind not in PLAIN and draw(st.booleans()):
        merges = [" ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
        teacher.files["vocab.json"] = json.dumps(names)
        teacher.files["merges.txt"] = "\n".join(["#version: 0.2", *merges])
        extra = {t: i for t, i in tokenizer.get_vocab().items() if t not in names}
        if extra:
            teacher.files["added_tokens.json"] = json.dumps(extra)
    return teacher


def _roberta_teacher(
    draw: st.DrawFn, tokenizer: Tokenizer, special: tuple[str, ...], kind: str | None
) -> Teacher:
    ids = tokenizer.get_vocab()
    first, last = ((token, ids[token]) for token in special[2:4])
    tokenizer.post_processor = processors.RobertaProcessing(last, first)
    if draw(st.booleans()):
        tokenizer.model.dropout = 0.3
    family = draw(st.sampled_from(("roberta", "modernbert")))
    if family == "modernbert" and kind is None:
        kind = PLAIN[0]
    return _add_variations(
        draw, Teacher(family, tokenizer, {}, special, tokenizer.get_vocab_size()), kind
    )


@st.composite
def unigram(draw: st.DrawFn) -> Teacher:
    special = SPECIAL[1]
    order = ["<s>", "<pad>", "</s>", "<unk>", *special[4:]]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=90, special_tokens=order, unk_token="<unk>")
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.normalizer = draw(st.sampled_from((normalizers.NFKC(), normalizers.Lowercase())))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    kind = draw(st.sampled_from(("XLMRobertaTokenizer", *PLAIN, None)))
    teacher = Teacher("xlm-roberta", tokenizer, {}, special, tokenizer.get_vocab_size())
    teacher = _add_variations(draw, teacher, kind)
    if kind in PLAIN and draw(st.integers(0, 4)) == 0:
        content = json.loads(tokenizer.to_str())
        content["model"]["unk_id"] = None
        teacher.tokenizer = Tokenizer.from_str(json.dumps(content))
        teacher.refusable = True
    elif kind not in PLAIN:
        teacher.settings["add_prefix_space"] = draw(st.booleans())
    return teacher


def _add_variations(draw: st.DrawFn, teacher: Teacher, kind: str | None) -> Teacher:
    """Add random settings of all types: added tokens, limits, sides, inputs, names."""
    padding = teacher.tokenizer.get_vocab()[teacher.special[0]]
    names = draw(st.lists(st.sampled_from(ADDED), max_size=3, unique=True))
    for name in names:
        flags = {f: draw(st.booleans()) for f in ("normalized", "lstrip", "rstrip", "single_word")}
        teacher.tokenizer.add_tokens([AddedToken(name, **flags)])
    beyond = draw(st.integers(0, 4)) == 0
    # Its normalized form may match the e of any training text.
    teacher.refusable |= beyond and "É" in names
    teacher.rows = teacher.rows if beyond else teacher.tokenizer.get_vocab_size()
    roles = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    token_names = dict(zip(roles, teacher.special, strict=True))
    token_names |= {"bos_token": teacher.special[2], "eos_token": teacher.special[3]}
    if draw(st.booleans()):
        teacher.settings |= token_names
    else:
        teacher.files["special_tokens_map.json"] = json.dumps(token_names)
    if draw(st.booleans()):
        teacher.settings["truncation_side"] = draw(st.sampled_from(("left", "right")))
    if draw(st.booleans()):
        teacher.tokenizer.enable_truncation(5, direction=draw(st.sampled_from(("left", "right"))))
        teacher.tokenizer.enable_padding(length=40, pad_id=padding, pad_token=teacher.special[0])
    teacher.untyped = draw(st.booleans())
    teacher.settings["padding_side"] = draw(st.sampled_from(("left", "right")))
    teacher.settings["model_max_length"] = draw(st.sampled_from((10, 20, int(1e30))))
    if draw(st.booleans()):
        teacher.class_of_model = kind
    elif kind:
        teacher.settings["tokenizer_class"] = kind
    if draw(st.booleans()):
        segments = ["token_type_ids"] if draw(st.booleans()) else []
        teacher.settings["model_input_names"] = ["input_ids", *segments, "attention_mask"]
    if draw(st.integers(0, 9)) == 0:
        teacher.settings["split_special_tokens"] = teacher.refusable = True
    teacher.sizes = {**_sizes(teacher.family), "pad_token_id": padding}
    teacher.sizes["max_position_embeddings"] = 24 + padding + 1
    return teacher


def _sizes(family: str) -> dict[str, Any]:
    sizes: dict[str, Any] = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "initializer_range": 0.4,
        "type_vocab_size": 1 if family == "xlm-roberta" else 2,
    }
    if family == "distilbert":
        sizes = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "initializer_range": 0.4}
    if family == "modernbert":
        del sizes["type_vocab_size"]
    return sizes


KINDS: Mapping[str, Callable[[], st.SearchStrategy[Teacher]]] = {
    "WordPiece": wordpiece,
    "BPE": bpe,
    "byte-level BPE": byte_level,
    "Unigram": unigram,
}
