from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from modern import byte_level_bpe
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE, Unigram, WordPiece
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import ByteLevel, Metaspace, Whitespace
from tokenizers.processors import RobertaProcessing, TemplateProcessing

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.model.classifier import Classifier, count_parameters
from coldpress.pruning import Heads, Vocabulary
from coldpress.pruning.method import PruningContext
from coldpress.pruning.pipeline import RetrainingData, run_steps
from coldpress.pruning.vocabulary.needed_tokens import check_tokenizer_type, needed_tokens
from coldpress.pruning.vocabulary.shrink_tokenizer import check_texts, shrink_tokenizer
from coldpress.schema.section import Optimization
from coldpress.training.loop import label_loss

STEP = Vocabulary(method="vocabulary")


def tokens(tokenizer: Tokenizer) -> list[str]:
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=lambda token: vocabulary[token])


def shortened(tokenizer: Tokenizer, texts: Sequence[str]) -> Tokenizer:
    return shrink_tokenizer(tokenizer, sorted(needed_tokens(tokenizer, texts)))


def wordpiece() -> Tokenizer:
    """Special tokens stand among the others, as they do in BERT's vocabulary."""
    names = ["ba", "[PAD]", "##bb", "[UNK]", "a", "b", "##a", "##b", "ab", "##ab", "[CLS]", "[SEP]"]
    made = Tokenizer(WordPiece({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair=None, special_tokens=[("[CLS]", 10), ("[SEP]", 11)]
    )
    made.enable_truncation(8)
    return made


def bpe() -> Tokenizer:
    names = ["<s>", "cab", "<pad>", "</s>", "<unk>", "a", "b", "c", "bc", "ab", "abc", "ca"]
    merges = [("b", "c"), ("a", "b"), ("a", "bc"), ("c", "a"), ("c", "ab")]
    made = Tokenizer(BPE({n: i for i, n in enumerate(names)}, merges, unk_token="<unk>"))
    made.pre_tokenizer = Whitespace()
    made.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    made.post_processor = RobertaProcessing(("</s>", 3), ("<s>", 0))
    return made


def unigram() -> Tokenizer:
    scores = {"<s>": 0.0, "<pad>": 0.0, "<unk>": 0.0, "▁": -2.0, "a": -3.0, "b": -3.5}
    scores |= {"▁a": -4.0, "ab": -4.5, "▁ab": -5.0, "bab": -9.0, "abab": -7.0}
    made = Tokenizer(Unigram(list(scores.items()), unk_id=2))
    made.pre_tokenizer = Metaspace()
    made.add_special_tokens(["<s>", "<pad>", "<unk>"])
    return made


def byte_level() -> Tokenizer:
    alphabet = sorted(ByteLevel.alphabet())
    names = ["<s>", "<pad>", *alphabet, "Ġa", "ab", "Ġab", "ba"]
    merges = [("Ġ", "a"), ("a", "b"), ("b", "a"), ("Ġ", "ab")]
    made = Tokenizer(BPE({n: i for i, n in enumerate(names)}, merges))
    made.pre_tokenizer = ByteLevel(add_prefix_space=True)
    made.add_special_tokens(["<s>", "<pad>", AddedToken("<mask>", lstrip=True)])
    return made


KINDS: Mapping[str, Callable[[], Tokenizer]] = {
    made.__name__: made for made in (wordpiece, bpe, unigram, byte_level)
}


@pytest.mark.parametrize(
    ("kind", "texts", "left"),
    [
        (wordpiece, ["abab ab"], "[PAD] [UNK] a b ##a ##b ab ##ab [CLS] [SEP]"),
        (wordpiece, ["ba"], "ba [PAD] [UNK] a b ##a ##b [CLS] [SEP]"),
        # a b c -> a bc -> abc: bc is an ancestor, and b and c are in the alphabet anyway.
        (bpe, ["abc"], "<s> <pad> </s> <unk> a b c bc abc"),
        # No merge makes cab of ca and b: it comes of c and ab.
        (bpe, ["cab"], "<s> cab <pad> </s> <unk> a b c ab"),
        # ▁ab costs 5; ▁ and ab 6.5. bab has the least score, which unknown characters cost by.
        (unigram, ["ab"], "<s> <pad> <unk> ▁ a b ▁ab bab"),
    ],
)
def test_these_tokens_stay(kind: Callable[[], Tokenizer], texts: list[str], left: str) -> None:
    assert tokens(shortened(kind(), texts)) == left.split()


def test_scores_merges_and_the_ids_around_a_text_move_along() -> None:
    model = json.loads(shortened(unigram(), ["ab"]).to_str())["model"]
    assert model["vocab"][-2:] == [["▁ab", -5.0], ["bab", -9.0]]
    assert model["unk_id"] == 2
    described = json.loads(shortened(bpe(), ["cab"]).to_str())
    assert described["model"]["merges"] == [["a", "b"], ["c", "ab"]]
    assert shortened(bpe(), ["cab"]).encode("cab").ids == [0, 1, 3]
    short = shortened(wordpiece(), ["abab ab"])
    assert short.encode("ab").ids == [8, 6, 9]
    assert json.loads(short.to_str())["truncation"]["max_length"] == 8


def test_the_byte_alphabet_stays() -> None:
    assert len(tokens(shortened(byte_level(), [""]))) == 256 + 3


corpora = st.lists(st.text("abc é", max_size=12), max_size=4)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50, deadline=None)
@given(texts=corpora)
def test_texts_are_cut_into_the_same_tokens(kind: str, texts: list[str]) -> None:
    old = KINDS[kind]()
    new = shortened(old, texts)
    for text in texts:
        assert new.encode(text).tokens == old.encode(text).tokens
    assert len(new.to_str()) <= len(old.to_str())


@pytest.mark.parametrize("normalized", [True, False])
def test_an_added_token_stays_whatever_the_normalizer_makes_of_its_name(normalized: bool) -> None:
    old = wordpiece()
    old.normalizer = Lowercase()
    old.add_tokens([AddedToken("[URL]", normalized=normalized), AddedToken("A B", special=True)])
    new = shortened(old, ["ba [URL]"])
    assert tokens(new)[-2:] == ["[URL]", "A B"]
    for text in ("ba [URL]", "[url] a", "A B", "a b"):
        names = [
            {at: token for token, at in of.get_vocab().items()}[at]
            for of in (old, new)
            for at in of.encode(text).ids
        ]
        assert names[: len(names) // 2] == names[len(names) // 2 :]


def test_padding_is_renumbered_along() -> None:
    old = wordpiece()
    old.enable_padding(pad_id=3, pad_token="[UNK]")
    new = shortened(old, ["ab"])
    assert new.token_to_id("[UNK]") == 1
    assert new.padding is not None and new.padding["pad_id"] == 1


@pytest.mark.parametrize("made", [wordpiece, bpe, unigram])
def test_a_file_that_does_not_name_its_kind_is_read(made: Callable[[], Tokenizer]) -> None:
    described = json.loads(made().to_str())
    del described["model"]["type"]
    untyped = Tokenizer.from_str(json.dumps(described))
    check_tokenizer_type(untyped)
    assert tokens(shortened(untyped, ["ab"])) == tokens(shortened(made(), ["ab"]))


def test_a_token_that_a_text_needed_and_lost_is_noticed() -> None:
    old = bpe()
    without_bc = [at for at in range(12) if old.id_to_token(at) != "bc"]
    with pytest.raises(ValueError, match="'abc' became 'ab'"):
        check_texts(old, shrink_tokenizer(old, without_bc), ["abc"])


def test_any_other_tokenizer_is_refused(tiny: Classifier, evidence: PruningContext) -> None:
    why = "vocabulary: the tokenizer is WordLevel, which is not one of: WordPiece, BPE, Unigram"
    with pytest.raises(InputError, match=why):
        STEP.prune(tiny, evidence)


@pytest.fixture
def pieces(tiny: Classifier) -> Classifier:
    """The tiny model with word pieces, whose padding is not the first token."""
    tiny.tokenizer = wordpiece()
    tiny.config.pad_token_id = tiny.token_table.padding_idx = 1
    tiny.config.cls_token_id, tiny.config.eos_token_id = 10, [11, 3]
    return tiny


def rows_of(*texts: str) -> Split:
    labels = tuple(n % 3 for n in range(len(texts)))
    return Split(tuple(map(str, range(len(texts)))), texts, None, labels)


def test_rows_really_go_and_every_answer_stays(
    pieces: Classifier, evidence: PruningContext
) -> None:
    split = rows_of("ab", "abab ab", "a", "b a")
    pruned = STEP.prune(pieces, replace(evidence, texts=split.texts))
    stay = [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert torch.equal(pruned.token_table.weight, pieces.token_table.weight[stay])
    assert count_parameters(pieces) - count_parameters(pruned) == 2 * 16
    config = pruned.config
    assert (config.vocab_size, config.pad_token_id, config.cls_token_id) == (10, 0, 8)
    assert (config.eos_token_id, pruned.token_table.padding_idx) == ([9, 1], 0)
    before, after = encode(pieces.tokenizer, split), encode(pruned.tokenizer, split)
    assert (before.pad_id, after.pad_id) == (1, 0)
    assert torch.equal(pruned.logits(after), pieces.logits(before))
    assert pieces.config.vocab_size == 12


def test_where_positions_are_counted_from_paddings_id_it_keeps_it(
    random_classifier: Callable[[str], Classifier], evidence: PruningContext
) -> None:
    roberta, split = random_classifier("roberta"), rows_of("abc", "a b c")
    embeddings = roberta.encoder.get_submodule("embeddings")
    roberta.tokenizer = bpe()
    roberta.config.pad_token_id = roberta.token_table.padding_idx = 2
    embeddings.padding_idx = 2  # type: ignore[assignment]
    pruned = STEP.prune(roberta, replace(evidence, texts=split.texts))
    # cab is not needed, but its id is 1, below the padding's; ab and ca go.
    assert set(tokens(roberta.tokenizer)) - set(tokens(pruned.tokenizer)) == {"ab", "ca"}
    assert pruned.config.pad_token_id == 2
    logits = [model.logits(encode(model.tokenizer, split)) for model in (roberta, pruned)]
    assert torch.equal(*logits)


def test_a_modernbert_loses_the_tokens_of_its_own_kind_of_tokenizer(
    random_classifier: Callable[..., Classifier], evidence: PruningContext
) -> None:
    split = rows_of("the press, the oil", "oil")
    tokenizer = byte_level_bpe(["the press, the oil", "stones of stone"], 300)
    named = {"pad": 3, "cls": 1, "bos": 1, "sep": 2, "eos": 2}
    modern = random_classifier(
        "modernbert",
        vocab_size=tokenizer.get_vocab_size(),
        **{f"{name}_token_id": at for name, at in named.items()},
    )
    modern.tokenizer = tokenizer
    pruned = STEP.prune(modern, replace(evidence, texts=split.texts))
    gone = set(tokens(tokenizer)) - set(tokens(pruned.tokenizer))
    assert {"ston", "Ġston"} & gone
    assert not {"the", "Ġoil", "[PAD]", "[MASK]", "Ġ", "q"} & gone
    assert pruned.token_table.padding_idx == pruned.config.pad_token_id == 3
    assert pruned.config.vocab_size == pruned.tokenizer.get_vocab_size()
    logits = [model.logits(encode(model.tokenizer, split)) for model in (modern, pruned)]
    assert torch.equal(*logits)


def test_steps_behind_it_read_the_rows_with_the_new_ids(pieces: Classifier) -> None:
    split = rows_of("ab", "abab ab", "a", "b a")
    rows = encode(pieces.tokenizer, split)
    plan = Optimization(epochs=1, learning_rate=0.01, batch_size=2)
    loss = label_loss(torch.from_numpy(rows.labels))
    recovery = RetrainingData(rows, loss, plan, rows, texts=split.texts)
    vocabulary, heads = run_steps(
        [STEP, Heads(method="heads", keep_heads=0.5)], pieces, recovery
    ).reports
    assert vocabulary.pruned.validation_accuracy == vocabulary.before.validation_accuracy
    assert vocabulary.before.parameters - vocabulary.pruned.parameters == 2 * 16
    assert len(heads.epochs) == 1
