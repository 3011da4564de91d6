"""Problems that are found before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console
from transformers import BertModel

from coldpress.errors import InputError
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import save_classifier
from coldpress.recipe.preflight import run_preflight
from coldpress.recipe.preflight_report import PreflightReport
from coldpress.recipe.recipe import Recipe
from tests.support.local_hub import LocalHub


def recipe(directory: Path, *slices: dict[str, Any]) -> Recipe:
    rows = [f"the answer is {n},{n % 2},{'north' if n < 30 else 'south'}\n" for n in range(60)]
    files = {split: directory / f"{split}.csv" for split in ("train", "test")}
    for number, file in enumerate(files.values()):
        file.write_text("text,label,region\n" + "".join(rows).replace("answer", f"answer {number}"))
    source = {"origin": "files", **{split: str(file) for split, file in files.items()}}
    return Recipe.model_validate(
        {
            "name": "trec",
            "benchmark": {"kind": "text-classification", "source": source},
            "teacher": {"model": {"origin": "scratch"}},
            "evaluate": {"slices": list(slices)},
        }
    )


def test_slices_with_enough_rows_pass(tmp_path: Path) -> None:
    column = {"method": "column", "column": "region", "min_rows": 2}
    report = run_preflight(recipe(tmp_path, {"method": "length", "edges": [8]}, column), tmp_path)
    assert list(report.data.test.columns) == ["region"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "column", "column": "country"}, r"^evaluate.slices.1.column: .*'country'"),
        (
            {"method": "column", "column": "region", "min_rows": 61},
            r"^evaluate.slices.1.min_rows: ",
        ),
        ({"method": "pattern", "name": "x", "pattern": "zebra"}, r"^evaluate.slices.1.pattern: "),
    ],
)
def test_a_slice_without_enough_rows_is_named(
    tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run_preflight(recipe(tmp_path, {"method": "length", "edges": [8]}, wrong), tmp_path)


@pytest.fixture
def teacher(tiny: Classifier, tmp_path: Path) -> Path:
    """Write the tiny model to a directory."""
    directory = tmp_path / "teacher"
    directory.mkdir()
    save_classifier(tiny, directory)
    return directory


def recipe_with_teacher(teacher: Path, **sections: object) -> Recipe:
    changed = {"teacher": {"model": {"origin": "directory", "path": teacher}}}
    return Recipe.model_validate({**recipe(teacher.parent).model_dump(), **changed, **sections})


def test_a_vocabulary_that_cannot_be_pruned_is_refused_before_anything_is_trained(
    teacher: Path, tmp_path: Path
) -> None:
    pruned = recipe_with_teacher(teacher, prune=[{"method": "vocabulary"}])
    with pytest.raises(InputError, match=r"^prune: vocabulary: the tokenizer is WordLevel, which"):
        run_preflight(pruned, tmp_path)


@pytest.mark.parametrize(
    ("width", "student"),
    [(16, None), (8, {"layers": 1, "width": 8}), (4, {"layers": 1, "embedding_rank": 4})],
)
def test_a_rank_is_smaller_than_the_width_of_the_table_that_is_pruned(
    teacher: Path, tmp_path: Path, width: int, student: dict[str, int] | None
) -> None:
    """The teacher's table has a width of 16; a student's may be narrower."""
    step = {"method": "embeddings", "rank": width}
    distill = None if student is None else {"method": "logits", "student": student}
    message = rf"^prune: embeddings: rank: {width} is not smaller than {width}"
    with pytest.raises(InputError, match=message):
        run_preflight(recipe_with_teacher(teacher, prune=[step], distill=distill), tmp_path)
    smaller = {**step, "rank": width - 1}
    run_preflight(recipe_with_teacher(teacher, prune=[smaller], distill=distill), tmp_path)


def test_masking_words_needs_a_tokenizer_with_a_mask_token(
    tiny: Classifier, teacher: Path, tmp_path: Path
) -> None:
    masked = recipe_with_teacher(teacher, soft_targets={"augment": {"mask": 0.1}})
    unmasked = recipe_with_teacher(teacher, soft_targets={"augment": {"mask": 0.0}})
    message = r"^soft_targets.augment.mask: the teacher's tokenizer has no mask_token; set 0$"
    with pytest.raises(InputError, match=message):
        run_preflight(masked, tmp_path)
    run_preflight(unmasked, tmp_path)
    tiny.tokenizer.add_special_tokens(["<mask>"])
    cast("BertModel", tiny.module).resize_token_embeddings(13)
    save_classifier(tiny, teacher)
    run_preflight(masked, tmp_path)


def test_a_teacher_from_scratch_has_a_mask_token(tmp_path: Path) -> None:
    masked = {"soft_targets": {"augment": {"mask": 0.1}}}
    own = Recipe.model_validate({**recipe(tmp_path).model_dump(), **masked})
    report = run_preflight(own, tmp_path)
    assert report.recipe.soft_targets.augment is not None
    assert report.recipe.soft_targets.augment.mask == 0.1


@pytest.mark.parametrize(("width", "invalid"), [(8, True), (4, False), (12, False), (16, False)])
def test_a_student_must_not_have_the_width_of_projected_embedding_tables(
    random_classifier: Callable[[str], Classifier],
    teacher: Path,
    tmp_path: Path,
    width: int,
    invalid: bool,
) -> None:
    save_classifier(random_classifier("electra"), teacher)
    student = {"layers": 1, "width": width}
    narrow = recipe_with_teacher(teacher, distill={"method": "logits", "student": student})
    message = r"^distill.student.width: 8 is the width of the teacher's embedding table, which a"
    with pytest.raises(InputError, match=message) if invalid else nullcontext():
        run_preflight(narrow, tmp_path)


def test_a_family_without_a_projection_may_have_any_width(teacher: Path, tmp_path: Path) -> None:
    config = json.loads((teacher / "config.json").read_text())
    (teacher / "config.json").write_text(json.dumps({**config, "embedding_size": 8}))
    student = {"layers": 1, "width": 8}
    narrow = recipe_with_teacher(teacher, distill={"method": "logits", "student": student})
    report = run_preflight(narrow, tmp_path)
    assert report.recipe.distill is not None
    assert report.recipe.distill.student.width == 8


def recipe_with_student(directory: Path, model: Path, **sections: object) -> Recipe:
    """A recipe with a teacher from scratch and a student that starts from a directory."""
    student = {"from": {"origin": "directory", "path": str(model)}}
    distill = {"method": "logits", "student": student}
    content = {**recipe(directory).model_dump(), "distill": distill, **sections}
    return Recipe.model_validate(content)


def test_a_pretrained_student_is_checked_as_the_teacher_is(teacher: Path, tmp_path: Path) -> None:
    """The fixture's model is taken as the student here."""
    run_preflight(recipe_with_student(tmp_path, teacher), tmp_path)
    with pytest.raises(InputError, match=r"^distill.student.from.path: [^\n]*: no such directory$"):
        run_preflight(recipe_with_student(tmp_path, tmp_path / "none"), tmp_path)
    (teacher / "tokenizer_config.json").write_text("[]")
    with pytest.raises(InputError, match=r"^distill.student.from.path: [^\n]*tokenizer_config"):
        run_preflight(recipe_with_student(tmp_path, teacher), tmp_path)
    (teacher / "model.safetensors").rename(teacher / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"^distill.student.from.path: [^\n]*only pickled weights"):
        run_preflight(recipe_with_student(tmp_path, teacher), tmp_path)


def test_methods_are_checked_with_the_model_that_the_student_starts_from(
    teacher: Path, tmp_path: Path
) -> None:
    """It has 2 layers and a tokenizer of words; the teacher has 4 layers and word pieces."""
    student = {"layers": 3, "from": {"origin": "directory", "path": str(teacher)}}
    deep = {"method": "logits", "student": student}
    message = r"^distill.student.layers: 3, but the pretrained model has 2$"
    with pytest.raises(InputError, match=message):
        run_preflight(recipe_with_student(tmp_path, teacher, distill=deep), tmp_path)
    pruned = recipe_with_student(tmp_path, teacher, prune=[{"method": "vocabulary"}])
    with pytest.raises(InputError, match=r"^prune: vocabulary: the tokenizer is WordLevel, which"):
        run_preflight(pruned, tmp_path)
    masked = recipe_with_student(tmp_path, teacher, soft_targets={"augment": {"mask": 0.1}})
    message = r"mask: the teacher's mask token is '\[MASK\]', that of distill.student.from missing"
    with pytest.raises(InputError, match=message):
        run_preflight(masked, tmp_path)


def printed_table(report: PreflightReport) -> dict[str, str]:
    """Return the table that `check` prints, as a mapping."""
    names, values = (list(column.cells) for column in report.table().columns)
    return dict(zip(map(str, names), map(str, values), strict=True))


def test_test_texts_among_the_unlabelled_rows_are_counted_and_removed(tmp_path: Path) -> None:
    plain = recipe(tmp_path)
    assert printed_table(run_preflight(plain, tmp_path))["test texts also in train"] == "0"
    validation = run_preflight(plain, tmp_path).data.validation.texts[0]
    pool = ["text", "The answer 1 is 7", "something else", validation]
    (tmp_path / "pool.csv").write_text("\n".join(pool) + "\n")
    leaking = {"soft_targets": {"unlabelled": tmp_path / "pool.csv"}}
    report = run_preflight(Recipe.model_validate(plain.model_dump() | leaking), tmp_path)
    assert report.unlabelled is not None
    assert report.unlabelled.rows.texts == ("something else",)
    table = printed_table(report)
    overlap = "1 in soft_targets.unlabelled (left out), 0 in train"
    assert table["test texts also in train"] == overlap
    assert table["unlabelled rows"] == "1, without 1 test texts and 1 validation texts"


def test_validation_texts_in_train_are_counted(tmp_path: Path) -> None:
    plain = recipe(tmp_path)
    text = run_preflight(plain, tmp_path).data.validation.texts[0]
    (tmp_path / "valid.csv").write_text(f"text,label\n{text.upper()},0\nnew,1\n")
    source = plain.model_dump()["benchmark"]["source"] | {"validation": tmp_path / "valid.csv"}
    changed = plain.model_dump()
    changed["benchmark"]["source"] = source
    table = printed_table(run_preflight(Recipe.model_validate(changed), tmp_path))
    assert table["validation texts also in train"] == "1"


def test_the_tokenizer_of_a_hub_model_is_checked_without_its_weights(
    teacher: Path, tmp_path: Path, local_hub: LocalHub
) -> None:
    files = {path.name: path.read_bytes() for path in teacher.iterdir()}
    local_hub.add("models", "tiny/encoder", files)
    on_hub = {"teacher": {"model": {"origin": "hub", "id": "tiny/encoder"}}}
    hub_recipe = Recipe.model_validate({**recipe(tmp_path).model_dump(), **on_hub})
    run_preflight(hub_recipe, tmp_path)
    assert not any("model.safetensors" in path for path in local_hub.requests if "resolve" in path)
    local_hub.add("models", "tiny/other", {**files, "tokenizer_config.json": b"[]"})
    on_hub["teacher"]["model"]["id"] = "tiny/other"
    with pytest.raises(InputError, match=r"^teacher.model: tiny/other: [^\n]*tokenizer"):
        run_preflight(Recipe.model_validate({**recipe(tmp_path).model_dump(), **on_hub}), tmp_path)


def test_an_added_token_without_an_embedding_is_named(
    tiny: Classifier, teacher: Path, tmp_path: Path
) -> None:
    assert run_preflight(recipe_with_teacher(teacher), tmp_path).dropped == ()
    tiny.tokenizer.add_tokens(["[URL]"])
    tiny.tokenizer.save(str(teacher / "tokenizer.json"))
    report = run_preflight(recipe_with_teacher(teacher), tmp_path)
    assert report.dropped == ("[URL]",)
    console = Console(record=True, width=100)
    console.print(report.table())
    text = console.export_text()
    assert "tokens without embedding" in text
    assert "'[URL]': read as ordinary text" in text
