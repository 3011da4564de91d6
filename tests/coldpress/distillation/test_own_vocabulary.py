"""A vocabulary of the student's own, for models of families with different special tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pydantic import TypeAdapter
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from coldpress.data.encoding import encode
from coldpress.data.splits import Split, row_ids
from coldpress.distillation import DistillationMethod
from coldpress.distillation.method import Distillation, DistillationContext
from coldpress.distillation.own_vocabulary import replace_vocabulary
from coldpress.distillation.soft_targets import compute_soft_targets
from coldpress.distillation.transfer import soft_target_data
from coldpress.errors import InputError
from coldpress.kinds import task_kind
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier, score
from coldpress.model.output_head import attach_head
from coldpress.model.sentence_head import SentenceHead, write_head
from coldpress.model.serialization import describe_model, load_classifier, write_checkpoint
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.onnx.predictor import Predictor
from coldpress.training.loop import reseed

KIND = task_kind("sentence-embedding")
NUMBERS = ("one", "two", "four", "eight")
ENGLISH = tuple(
    f"{number} {a} {b}"
    for number in NUMBERS
    for a in ("cold", "warm", "fast")
    for b in ("oil", "press", "stone")
)
GERMAN = tuple(
    f"{b} {a} {number}"
    for number in ("eins", "zwei", "vier", "acht")
    for a in ("kalt", "warm", "rasch")
    for b in ("öl", "presse", "stein")
)
ROWS = Split(row_ids(ENGLISH + GERMAN, None), ENGLISH + GERMAN, None, (), sources=ENGLISH * 2)

BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
SPECIAL = {"bert": BERT, "roberta": ROBERTA}


def english_tokenizer(special: tuple[str, ...], padding: int, ends: tuple[str, str]) -> Tokenizer:
    """Read words: two special tokens are the ends, and unused tokens come before the mask."""
    words = sorted({word for text in ENGLISH for word in text.split()})
    names = [*special[:4], *words, special[4]]
    ids = {name: number for number, name in enumerate(names)}
    tokenizer = Tokenizer(WordLevel(ids, unk_token=next(n for n in special if "unk" in n.lower())))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens(list(special))
    first, last = ends
    tokenizer.post_processor = TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(first, ids[first]), (last, ids[last])]
    )
    tokenizer.enable_truncation(16)
    assert names[padding] in {"[PAD]", "<pad>"}
    return tokenizer


@pytest.fixture(params=sorted(SPECIAL))
def teacher(
    request: pytest.FixtureRequest, random_classifier: Callable[..., Classifier]
) -> Classifier:
    """A random model of width 16 that knows the English words."""
    special = SPECIAL[request.param]
    padding = 0 if request.param == "bert" else 1
    ends = ("[CLS]", "[SEP]") if request.param == "bert" else ("<s>", "</s>")
    tokenizer = english_tokenizer(special, padding, ends)
    model = random_classifier(
        request.param, KIND, vocab_size=tokenizer.get_vocab_size(), pad_token_id=padding
    )
    config = model.config
    write_head(config, SentenceHead())
    module = attach_head(KIND, model.module).eval()
    return Classifier(module, tokenizer, ("vector",), KIND)


def test_the_vocabulary_reads_all_languages_with_the_teachers_special_tokens(
    teacher: Classifier,
) -> None:
    replaced = replace_vocabulary(teacher, 120, ROWS)
    old, new = teacher.tokenizer, replaced.tokenizer
    special = SPECIAL[teacher.config.model_type]
    assert [new.token_to_id(name) for name in special] == [0, 1, 2, 3, 4]
    ours, theirs = new.encode("Cold ÖL"), old.encode("Cold oil")
    assert (ours.tokens[0], ours.tokens[-1]) == (theirs.tokens[0], theirs.tokens[-1])
    unknown = next(name for name in special if "unk" in name.lower())
    assert unknown not in ours.tokens
    assert unknown in old.encode("Cold ÖL").tokens
    assert new.token_to_id(unknown) in new.encode("cold 油").ids
    assert len(new.encode("cold oil " * 30).ids) == 16
    assert replaced.config.vocab_size == new.get_vocab_size() == len(replaced.token_table.weight)
    assert replaced.config.pad_token_id == teacher.config.pad_token_id


def test_a_piece_starts_with_the_mean_of_the_teachers_tokens_for_its_text(
    teacher: Classifier,
) -> None:
    replaced = replace_vocabulary(teacher, 120, ROWS)
    old_table, table = teacher.token_table.weight, replaced.token_table.weight
    old, new = teacher.tokenizer, replaced.tokenizer
    for name in SPECIAL[teacher.config.model_type]:
        assert torch.equal(table[new.token_to_id(name)], old_table[old.token_to_id(name)])
    assert torch.equal(table[new.token_to_id("▁press")], old_table[old.token_to_id("press")])
    assert torch.allclose(table[new.token_to_id("ö")], old_table.mean(dim=0))
    assert torch.equal(teacher.token_table.weight, old_table)


def test_without_a_vocabulary_of_its_own_the_student_has_the_teachers(teacher: Classifier) -> None:
    assert replace_vocabulary(teacher, None, ROWS) is teacher


def test_the_same_texts_give_the_same_tokenizer(teacher: Classifier) -> None:
    first, second = (replace_vocabulary(teacher, 120, ROWS).tokenizer for _ in range(2))
    assert first.to_str() == second.to_str()


def test_too_few_pieces_for_the_characters_are_refused(teacher: Classifier) -> None:
    texts = tuple(chr(0x4E00 + number) for number in range(300))
    rows = Split(row_ids(texts, None), texts, None, ())
    with pytest.raises(InputError, match=r"^distill.student.vocabulary: 100: .*"):
        replace_vocabulary(teacher, 100, rows)


def test_a_student_with_a_vocabulary_of_its_own_is_trained_and_exported(
    teacher: Classifier, tmp_path: Path
) -> None:
    method: Distillation = TypeAdapter(DistillationMethod).validate_python(
        {
            "method": "logits",
            "student": {"layers": 2, "vocabulary": 120},
            "epochs": 4,
            "batch_size": 12,
            "learning_rate": 5e-3,
            "freeze_embeddings": False,
        }
    )
    reseed(0, "distill_student")
    targets = compute_soft_targets(teacher, ROWS)
    start = replace_vocabulary(teacher, method.student.vocabulary, ROWS)
    data = soft_target_data(start, method, targets, ROWS, ROWS)
    before = score(method.student.build(start, ROWS), data.validation)
    student = method.distill(start, DistillationContext(data, ROWS))
    assert score(student, data.validation) > before
    write_checkpoint(student, tmp_path / "model", Manifest(stage="distill_student"))
    checkpoint = Checkpoint.open(tmp_path / "model")
    loaded = load_classifier(checkpoint)
    encoded = encode(student.tokenizer, ROWS)
    assert torch.equal(loaded.logits(encode(loaded.tokenizer, ROWS)), student.logits(encoded))
    exported = describe_model(Manifest(stage="export_onnx"), student)
    with new_checkpoint(tmp_path / "onnx", exported) as target:
        export(checkpoint, target, 17, {})
    check_parity(checkpoint, tmp_path / "onnx" / "model.onnx", encoded)
    record = Predictor(tmp_path / "onnx").predict([GERMAN[0]])[0]
    expected = student.logits(encoded)[len(ENGLISH)]
    assert record["vector"] == pytest.approx(expected.tolist(), abs=1e-4)
