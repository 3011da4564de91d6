from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE, Unigram, WordPiece
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import ByteLevel, Metaspace, Whitespace
from tokenizers.processors import RobertaProcessing, TemplateProcessing

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.model.classifier import Classifier, count_parameters, score
from coldpress.model.vocabulary.needed_tokens import check_tokenizer_type, needed_tokens
from coldpress.model.vocabulary.shrink_tokenizer import check_texts, shrink_tokenizer
from coldpress.pruning import Heads, Vocabulary
from coldpress.pruning.context import PruningContext
from coldpress.pruning.method import PruningMethod
from coldpress.pruning.pipeline import run_steps
from coldpress.schema.section import Optimization
from coldpress.training.data import labelled_data
from tests.support.tiny_eurobert import llama_bpe
from tests.support.tiny_modernbert import byte_level_bpe

STEP = Vocabulary(method="vocabulary")
PLAN = Optimization(epochs=1, learning_rate=0.01, batch_size=2)


def tokens(tokenizer: Tokenizer) -> list[str]:
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=lambda token: vocabulary[token])


def shrink(tokenizer: Tokenizer, texts: Sequence[str]) -> Tokenizer:
    return shrink_tokenizer(tokenizer, sorted(needed_tokens(tokenizer, texts)))


def wordpiece() -> Tokenizer:
    """Special tokens are scattered among the others, as in BERT's vocabulary."""
    names = ["ba", "[PAD]", "##bb", "[UNK]", "a", "b", "##a", "##b", "ab", "##ab", "[CLS]", "[SEP]"]
    tokenizer = Tokenizer(WordPiece({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair=None, special_tokens=[("[CLS]", 10), ("[SEP]", 11)]
    )
    tokenizer.enable_truncation(8)
    return tokenizer


def bpe() -> Tokenizer:
    names = ["<s>", "cab", "<pad>", "</s>", "<unk>", "a", "b", "c", "bc", "ab", "abc", "ca"]
    merges = [("b", "c"), ("a", "b"), ("a", "bc"), ("c", "a"), ("c", "ab")]
    tokenizer = Tokenizer(BPE({n: i for i, n in enumerate(names)}, merges, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = RobertaProcessing(("</s>", 3), ("<s>", 0))
    return tokenizer


def unigram() -> Tokenizer:
    scores = {"<s>": 0.0, "<pad>": 0.0, "<unk>": 0.0, "▁": -2.0, "a": -3.0, "b": -3.5}
    scores |= {"▁a": -4.0, "ab": -4.5, "▁ab": -5.0, "bab": -9.0, "abab": -7.0}
    tokenizer = Tokenizer(Unigram(list(scores.items()), unk_id=2))
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.add_special_tokens(["<s>", "<pad>", "<unk>"])
    return tokenizer


def byte_level() -> Tokenizer:
    alphabet = sorted(ByteLevel.alphabet())
    names = ["<s>", "<pad>", *alphabet, "Ġa", "ab", "Ġab", "ba"]
    merges = [("Ġ", "a"), ("a", "b"), ("b", "a"), ("Ġ", "ab")]
    tokenizer = Tokenizer(BPE({n: i for i, n in enumerate(names)}, merges))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=True)
    tokenizer.add_special_tokens(["<s>", "<pad>", AddedToken("<mask>", lstrip=True)])
    return tokenizer


KINDS: Mapping[str, Callable[[], Tokenizer]] = {
    build.__name__: build for build in (wordpiece, bpe, unigram, byte_level)
}


@pytest.mark.parametrize(
    ("kind", "texts", "expected"),
    [
        (wordpiece, ["abab ab"], "[PAD] [UNK] a b ##a ##b ab ##ab [CLS] [SEP]"),
        (wordpiece, ["ba"], "ba [PAD] [UNK] a b ##a ##b [CLS] [SEP]"),
        # a b c -> a bc -> abc: bc is an ancestor, and b and c are single characters.
        (bpe, ["abc"], "<s> <pad> </s> <unk> a b c bc abc"),
        # cab is merged from c and ab; no merge makes it from ca and b.
        (bpe, ["cab"], "<s> cab <pad> </s> <unk> a b c ab"),
        # ▁ab costs 5; ▁ and ab 6.5. bab has the lowest score, which unknown characters depend on.
        (unigram, ["ab"], "<s> <pad> <unk> ▁ a b ▁ab bab"),
    ],
)
def test_tokens_of_the_texts_and_their_parts_are_kept(
    kind: Callable[[], Tokenizer], texts: list[str], expected: str
) -> None:
    assert tokens(shrink(kind(), texts)) == expected.split()


def test_scores_merges_and_special_token_ids_are_renumbered() -> None:
    model = json.loads(shrink(unigram(), ["ab"]).to_str())["model"]
    assert model["vocab"][-2:] == [["▁ab", -5.0], ["bab", -9.0]]
    assert model["unk_id"] == 2
    described = json.loads(shrink(bpe(), ["cab"]).to_str())
    assert described["model"]["merges"] == [["a", "b"], ["c", "ab"]]
    assert shrink(bpe(), ["cab"]).encode("cab").ids == [0, 1, 3]
    short = shrink(wordpiece(), ["abab ab"])
    assert short.encode("ab").ids == [8, 6, 9]
    assert json.loads(short.to_str())["truncation"]["max_length"] == 8


def test_the_byte_alphabet_is_kept() -> None:
    assert len(tokens(shrink(byte_level(), [""]))) == 256 + 3


corpora = st.lists(st.text("abc é", max_size=12), max_size=4)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50, deadline=None)
@given(texts=corpora)
def test_texts_are_split_into_the_same_tokens(kind: str, texts: list[str]) -> None:
    old = KINDS[kind]()
    new = shrink(old, texts)
    for text in texts:
        assert new.encode(text).tokens == old.encode(text).tokens
    assert len(new.to_str()) <= len(old.to_str())


@pytest.mark.parametrize("normalized", [True, False])
def test_added_tokens_are_kept_whatever_the_normalizer_does(normalized: bool) -> None:
    old = wordpiece()
    old.normalizer = Lowercase()
    old.add_tokens([AddedToken("[URL]", normalized=normalized), AddedToken("A B", special=True)])
    new = shrink(old, ["ba [URL]"])
    assert tokens(new)[-2:] == ["[URL]", "A B"]
    for text in ("ba [URL]", "[url] a", "A B", "a b"):
        names = [
            {at: token for token, at in of.get_vocab().items()}[at]
            for of in (old, new)
            for at in of.encode(text).ids
        ]
        assert names[: len(names) // 2] == names[len(names) // 2 :]


def test_padding_is_renumbered() -> None:
    old = wordpiece()
    old.enable_padding(pad_id=3, pad_token="[UNK]")
    new = shrink(old, ["ab"])
    assert new.token_to_id("[UNK]") == 1
    assert new.padding is not None and new.padding["pad_id"] == 1


@pytest.mark.parametrize("kind", [wordpiece, bpe, unigram])
def test_a_file_without_the_tokenizer_type_is_read(kind: Callable[[], Tokenizer]) -> None:
    described = json.loads(kind().to_str())
    del described["model"]["type"]
    untyped = Tokenizer.from_str(json.dumps(described))
    check_tokenizer_type(untyped, "prune: vocabulary")
    assert tokens(shrink(untyped, ["ab"])) == tokens(shrink(kind(), ["ab"]))


def test_a_missing_token_is_an_error() -> None:
    old = bpe()
    without_bc = [at for at in range(12) if old.id_to_token(at) != "bc"]
    with pytest.raises(ValueError, match="'abc' became 'ab'"):
        check_texts(old, shrink_tokenizer(old, without_bc), ["abc"])


def test_any_other_tokenizer_is_refused(tiny: Classifier, context: PruningContext) -> None:
    why = "vocabulary: the tokenizer is WordLevel, which is not one of: WordPiece, BPE, Unigram"
    with pytest.raises(InputError, match=why):
        STEP.prune(tiny, context)


@pytest.fixture
def pieces(tiny: Classifier) -> Classifier:
    """The tiny model with a WordPiece tokenizer whose padding is not the first token."""
    tiny.tokenizer = wordpiece()
    tiny.config.pad_token_id = tiny.token_table.padding_idx = 1
    tiny.config.cls_token_id = 10
    tiny.config.eos_token_id = [11, 3]
    return tiny


def rows_of(*texts: str) -> Split:
    labels = tuple(n % 3 for n in range(len(texts)))
    return Split(tuple(map(str, range(len(texts)))), texts, None, labels)


def test_embeddings_are_removed_and_predictions_unchanged(
    pieces: Classifier, context: PruningContext
) -> None:
    split = rows_of("ab", "abab ab", "a", "b a")
    pruned = STEP.prune(pieces, replace(context, texts=split.texts))
    kept_ids = [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert torch.equal(pruned.token_table.weight, pieces.token_table.weight[kept_ids])
    assert count_parameters(pieces) - count_parameters(pruned) == 2 * 16
    config = pruned.config
    assert (config.vocab_size, config.pad_token_id, config.cls_token_id) == (10, 0, 8)
    assert (config.eos_token_id, pruned.token_table.padding_idx) == ([9, 1], 0)
    before = encode(pieces.tokenizer, split)
    after = encode(pruned.tokenizer, split)
    assert (before.pad_id, after.pad_id) == (1, 0)
    assert torch.equal(pruned.logits(after), pieces.logits(before))
    assert pieces.config.vocab_size == 12


def test_paddings_id_is_kept_if_positions_are_counted_from_it(
    random_classifier: Callable[[str], Classifier], context: PruningContext
) -> None:
    roberta = random_classifier("roberta")
    split = rows_of("abc", "a b c")
    embeddings = roberta.encoder.get_submodule("embeddings")
    roberta.tokenizer = bpe()
    roberta.config.pad_token_id = roberta.token_table.padding_idx = 2
    embeddings.padding_idx = 2  # type: ignore[assignment]
    pruned = STEP.prune(roberta, replace(context, texts=split.texts))
    # cab is not needed, but its id is 1, below the padding's; ab and ca go.
    assert set(tokens(roberta.tokenizer)) - set(tokens(pruned.tokenizer)) == {"ab", "ca"}
    assert pruned.config.pad_token_id == 2
    logits = [model.logits(encode(model.tokenizer, split)) for model in (roberta, pruned)]
    assert torch.equal(*logits)


def test_a_modernberts_byte_level_tokenizer_is_pruned(
    random_classifier: Callable[..., Classifier], context: PruningContext
) -> None:
    split = rows_of("the press, the oil", "oil")
    tokenizer = byte_level_bpe(["the press, the oil", "stones of stone"], 300)
    special = {"pad": 3, "cls": 1, "bos": 1, "sep": 2, "eos": 2}
    modern = random_classifier(
        "modernbert",
        vocab_size=tokenizer.get_vocab_size(),
        **{f"{name}_token_id": at for name, at in special.items()},
    )
    modern.tokenizer = tokenizer
    pruned = STEP.prune(modern, replace(context, texts=split.texts))
    removed = set(tokens(tokenizer)) - set(tokens(pruned.tokenizer))
    assert {"ston", "Ġston"} & removed
    assert not {"the", "Ġoil", "[PAD]", "[MASK]", "Ġ", "q"} & removed
    assert pruned.token_table.padding_idx == pruned.config.pad_token_id == 3
    assert pruned.config.vocab_size == pruned.tokenizer.get_vocab_size()
    logits = [model.logits(encode(model.tokenizer, split)) for model in (modern, pruned)]
    assert torch.equal(*logits)


def test_a_euroberts_tokenizer_is_pruned(
    random_classifier: Callable[..., Classifier], context: PruningContext
) -> None:
    """Words of its vocabulary need no merges; the padding is the last token of a text."""
    split = rows_of("the press, the oil", "oil")
    tokenizer = llama_bpe(["the press, the oil", "stones of stone"], 300)
    special = {"bos_token_id": 0, "eos_token_id": [1, 2], "pad_token_id": 1, "mask_token_id": 2}
    euro = random_classifier("eurobert", vocab_size=tokenizer.get_vocab_size(), **special)
    euro.tokenizer = tokenizer
    pruned = STEP.prune(euro, replace(context, texts=split.texts))
    removed = set(tokens(tokenizer)) - set(tokens(pruned.tokenizer))
    assert {"ston", "Ġston"} & removed
    assert not {"the", "Ġoil", "<|begin_of_text|>", "<|end_of_text|>", "<|mask|>", "q"} & removed
    assert pruned.token_table.padding_idx == pruned.config.pad_token_id == 1
    assert pruned.config.vocab_size == pruned.tokenizer.get_vocab_size() < 300
    logits = [model.logits(encode(model.tokenizer, split)) for model in (euro, pruned)]
    assert torch.equal(*logits)


def test_later_steps_use_the_new_token_ids(pieces: Classifier) -> None:
    split = rows_of("ab", "abab ab", "a", "b a")
    data = labelled_data(pieces, split, split)
    context = PruningContext(data, PLAN, split.texts)
    steps: list[PruningMethod] = [STEP, Heads(method="heads", keep_heads=0.5)]
    vocabulary, heads = run_steps(steps, pieces, context).reports
    assert vocabulary.pruned.validation_score == vocabulary.before.validation_score
    assert vocabulary.before.parameters - vocabulary.pruned.parameters == 2 * 16
    assert len(heads.epochs) == 1


def test_tokens_of_fewer_texts_than_wanted_are_removed() -> None:
    """All texts have "ab"; one has "##ab", twice."""
    tokenizer = wordpiece()
    texts = ["ab", "aba ab", "abab abab"]
    assert tokens(shrink(tokenizer, texts)) == [
        *("[PAD]", "[UNK]", "a", "b", "##a", "##b", "ab", "##ab", "[CLS]", "[SEP]")
    ]
    frequent = shrink_tokenizer(tokenizer, sorted(needed_tokens(tokenizer, texts, 2)))
    assert tokens(frequent) == ["[PAD]", "[UNK]", "a", "b", "##a", "##b", "ab", "[CLS]", "[SEP]"]
    assert frequent.encode("abab").tokens == ["[CLS]", "ab", "##a", "##b", "[SEP]"]


def test_rows_are_encoded_again_when_their_tokens_are_removed(pieces: Classifier) -> None:
    """The model is scored on the pieces that it will read, which are more than before."""
    split = rows_of("ab", "b a", "abab ab", "a")
    data = labelled_data(pieces, split, split)
    context = PruningContext(data, PLAN, split.texts)
    step = Vocabulary(method="vocabulary", min_texts=3, recovery_epochs=1)
    result = run_steps([step], pieces, context)
    pruned = result.classifier
    assert "ab" not in pruned.tokenizer.get_vocab()
    read = data.for_model(pruned, pieces.tokenizer).validation
    assert list(map(len, read.input_ids)) == [4, 4, 8, 3]
    assert list(map(len, data.validation.input_ids)) == [3, 4, 5, 3]
    assert result.reports[0].recovered.validation_score == score(
        pruned, encode(pruned.tokenizer, split)
    )
