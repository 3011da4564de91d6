"""A teacher that is not trained must predict the benchmark's labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from coldpress.data import hub
from coldpress.errors import InputError
from coldpress.kinds import TEXT_CLASSIFICATION, task_kind
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.checkpoint import Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import save_classifier, write_checkpoint
from coldpress.teacher.label_checks import check_teacher_labels, mapped_labels
from coldpress.teacher.pretrained import DirectoryModel, HubModel
from coldpress.teacher.spec import ScratchModel, Teacher, TeacherModel
from tests.support.acceptance import does_not_raise
from tests.support.local_hub import COMMIT, LocalHub

Write = Callable[..., DirectoryModel]


@pytest.fixture
def directory(tiny: Classifier, tmp_path: Path) -> Write:
    """Save the tiny model with changed configuration keys."""

    def make(**keys: Any) -> DirectoryModel:  # noqa: ANN401
        path = tmp_path / "model"
        path.mkdir(exist_ok=True)
        save_classifier(tiny, path)
        config = json.loads((path / "config.json").read_text())
        (path / "config.json").write_text(json.dumps(config | keys))
        return DirectoryModel(origin="directory", path=path)

    return make


def tuned(model: TeacherModel, labels: dict[str, str] | None = None) -> Teacher:
    return Teacher(model=model, epochs=0, labels=labels)


def names(*labels: object) -> dict[str, Any]:
    return {"id2label": {str(i): label for i, label in enumerate(labels)}}


LABELS = ("calm", "fast", "warm")


def test_labels_may_have_another_order(directory: Write) -> None:
    with does_not_raise():
        check_teacher_labels(
            tuned(directory(**names("warm", "calm", "fast"))), LABELS, TEXT_CLASSIFICATION
        )


@pytest.mark.parametrize("own", [(0, 1, 2), ("0", "1", "2")])
def test_numbers_are_label_names(directory: Write, own: tuple[object, ...]) -> None:
    with does_not_raise():
        check_teacher_labels(tuned(directory(**names(*own))), ("0", "1", "2"), TEXT_CLASSIFICATION)


def error_of(teacher: Teacher, labels: tuple[str, ...] = LABELS) -> str:
    with pytest.raises(InputError) as error:
        check_teacher_labels(teacher, labels, TEXT_CLASSIFICATION)
    return str(error.value)


def test_both_sides_of_a_mismatch_are_quoted(directory: Write) -> None:
    model = directory(**names("warm", " calm", "hot"))
    assert error_of(tuned(model)) == (
        f"teacher.epochs: 0, but {model.path} has other labels than the benchmark: only the teacher"
        " has ' calm', 'hot'; only the benchmark has 'calm', 'fast'; map the names in"
        ' teacher.labels, as in {" calm": ...}'
    )


def test_default_label_names_are_shown_and_can_be_mapped(directory: Write) -> None:
    model = directory(id2label=None, num_labels=3)
    assert "only the teacher has 'LABEL_0', 'LABEL_1', 'LABEL_2'" in error_of(tuned(model))
    mapping = {"LABEL_0": "warm", "LABEL_1": "calm", "LABEL_2": "fast"}
    check_teacher_labels(tuned(model, mapping), LABELS, TEXT_CLASSIFICATION)
    config = {"id2label": None, "num_labels": 3}
    assert mapped_labels(tuned(model, mapping), config) == ("warm", "calm", "fast")


def test_many_labels_are_counted(directory: Write) -> None:
    labels = tuple(f"label number {n}" for n in range(12))
    message = error_of(tuned(directory()), labels)
    assert "only the benchmark has 'label number 0', " in message
    assert "and 4 more; train the classification head with epochs of at least 1" in message


@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"hot": "warm"}, "has no label 'hot', only 'calm', 'fast', 'warm'"),
        ({"warm": "hot"}, "the benchmark has no label 'hot', only 'calm', 'fast', 'warm'"),
    ],
)
def test_unknown_labels_in_a_mapping_are_refused(
    directory: Write, epochs: int, mapping: dict[str, str], message: str
) -> None:
    teacher = Teacher(model=directory(), epochs=epochs, labels=mapping)
    assert message in error_of(teacher)
    assert error_of(teacher).startswith("teacher.labels: ")


def test_duplicate_label_names_are_refused(directory: Write) -> None:
    message = "2 labels of .* have the name 'calm'; their names must differ$"
    with pytest.raises(InputError, match=message):
        check_teacher_labels(
            tuned(directory(**names("calm", "calm", "warm"))), LABELS, TEXT_CLASSIFICATION
        )
    with pytest.raises(InputError, match=message):
        check_teacher_labels(tuned(directory(), {"fast": "calm"}), LABELS, TEXT_CLASSIFICATION)


@pytest.mark.parametrize("problem", [None, "single_label_classification"])
def test_a_teacher_of_independent_labels_has_to_say_so(
    directory: Write, problem: str | None
) -> None:
    """Outputs of a softmax mean something else: they are no answers for each label on its own."""
    multi_label = task_kind("multi-label")
    check_teacher_labels(
        tuned(directory(problem_type="multi_label_classification")), LABELS, multi_label
    )
    with pytest.raises(InputError, match=r"problem_type of .* is .*, not 'multi_label_class"):
        check_teacher_labels(tuned(directory(problem_type=problem)), LABELS, multi_label)
    renamed = directory(**names("hot", "calm", "fast"), problem_type="multi_label_classification")
    check_teacher_labels(tuned(renamed, {"hot": "warm"}), LABELS, multi_label)
    with pytest.raises(InputError, match="only the benchmark has 'warm'"):
        check_teacher_labels(tuned(renamed), LABELS, multi_label)


@pytest.mark.parametrize("problem", ["multi_label_classification", "regression"])
def test_other_problem_types_are_refused(directory: Write, problem: str) -> None:
    message = error_of(tuned(directory(problem_type=problem)))
    assert f"problem_type of {directory(problem_type=problem).path} is {problem!r}" in message
    check_teacher_labels(
        tuned(directory(problem_type="single_label_classification")), LABELS, TEXT_CLASSIFICATION
    )


def test_a_teacher_that_will_be_trained_may_have_any_labels_or_problem(directory: Write) -> None:
    model = directory(
        **names("a", "a", "b"), problem_type="regression", architectures=["BertModel"]
    )
    with does_not_raise():
        check_teacher_labels(Teacher(model=model, epochs=1), LABELS, TEXT_CLASSIFICATION)


def remove_head(path: Path) -> None:
    weights = load_file(path / "model.safetensors")
    remaining = {name: tensor for name, tensor in weights.items() if "classifier" not in name}
    save_file(remaining, path / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("architectures", [None, [], ["BertModel"], ["BertForMaskedLM"]])
def test_the_weights_show_whether_there_is_a_head(
    directory: Write, architectures: list[str] | None
) -> None:
    """Early versions of Coldpress wrote the class of the pretrained model, or none."""
    model = directory(architectures=architectures)
    check_teacher_labels(tuned(model), LABELS, TEXT_CLASSIFICATION)
    remove_head(model.path)
    assert error_of(tuned(model)) == (
        f"teacher.epochs: 0, but {model.path} has no classification head"
    )


def test_a_missing_head_is_refused(directory: Write) -> None:
    model = directory(architectures=["BertForSequenceClassification"])
    remove_head(model.path)
    assert "the weights lack classifier.weight and 1 more" in error_of(tuned(model))


def test_a_head_has_as_many_rows_as_names(directory: Write) -> None:
    message = error_of(tuned(directory(**names("calm", "fast"))), ("calm", "fast"))
    assert (
        "classifier.weight has the shape 3 x 16, but by config.json it should be 2 x 16" in message
    )


def test_other_heads_are_refused_unless_coldpress_wrote_them(
    directory: Write,
) -> None:
    model = directory(architectures=["BertForTokenClassification"])
    message = (
        f"{model.path} is not a text classifier: architectures is 'BertForTokenClassification'"
    )
    assert message in error_of(tuned(model))
    (model.path / "coldpress.json").write_text("{}")
    check_teacher_labels(tuned(model), LABELS, TEXT_CLASSIFICATION)


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_checkpoints_name_the_classifier_class(
    random_classifier: Callable[[str], Classifier], family: str, tmp_path: Path
) -> None:
    classifier = random_classifier(family)
    classifier.config.architectures = ["SomethingForMaskedLM"]
    write_checkpoint(classifier, tmp_path / "made", Manifest(stage="train_teacher"))
    architectures = json.loads((tmp_path / "made" / "config.json").read_text())["architectures"]
    assert architectures == [type(classifier.module).__name__]
    check_teacher_labels(
        tuned(DirectoryModel(origin="directory", path=tmp_path / "made")),
        LABELS,
        TEXT_CLASSIFICATION,
    )


def test_a_scratch_teacher_has_to_be_trained_and_has_no_labels() -> None:
    scratch = ScratchModel(origin="scratch")
    assert error_of(tuned(scratch)).startswith("teacher.epochs: 0, but a teacher from scratch")
    mapped = Teacher(model=scratch, labels={"a": "calm"})
    assert error_of(mapped).startswith("teacher.labels: a teacher from scratch has no labels")


@pytest.fixture
def on_hub(directory: Write, local_hub: LocalHub) -> Callable[..., HubModel]:
    """Put the tiny model on the hub, with changed configuration keys and more files."""

    def add(files: dict[str, bytes] | None = None, **keys: Any) -> HubModel:  # noqa: ANN401
        model = directory(**keys)
        own = {path.name: path.read_bytes() for path in model.path.iterdir()}
        local_hub.add("models", "tiny/encoder", own | (files or {}))
        return HubModel(origin="hub", id="tiny/encoder")

    return add


def test_labels_of_a_hub_model_are_read_without_its_weights(
    on_hub: Callable[..., HubModel], local_hub: LocalHub
) -> None:
    model = on_hub()
    check_teacher_labels(tuned(model), LABELS, TEXT_CLASSIFICATION)
    assert "tiny/encoder has other labels" in error_of(tuned(model), ("calm", "fast", "hot"))
    assert not any("model.safetensors" in path for path in local_hub.requests)


def test_a_hub_model_without_architectures_is_recognized_by_its_manifest(
    on_hub: Callable[..., HubModel],
) -> None:
    assert error_of(tuned(on_hub(architectures=None))).endswith("has no classification head")
    check_teacher_labels(
        tuned(on_hub({"coldpress.json": b"{}"}, architectures=None)), LABELS, TEXT_CLASSIFICATION
    )


def test_a_downloaded_hub_model_is_recognized_by_its_weights(
    on_hub: Callable[..., HubModel],
) -> None:
    model = on_hub(architectures=None)
    hub.download_snapshot("model", "tiny/encoder", COMMIT, ["*"], "teacher.model")
    with does_not_raise():
        check_teacher_labels(tuned(model), LABELS, TEXT_CLASSIFICATION)


@pytest.mark.parametrize("value", [True, None, 1.5])
def test_unquoted_yaml_values_are_refused_with_a_hint(value: object) -> None:
    with pytest.raises(ValueError, match=r"is not a name; YAML reads .*: put it"):
        Teacher.model_validate({"model": "./x", "labels": {value: "calm"}})
    with pytest.raises(ValueError, match=r"is not a name; YAML reads .*: put it"):
        Teacher.model_validate({"model": "./x", "labels": {"a": value}})


def test_whole_numbers_are_names() -> None:
    teacher = Teacher.model_validate({"model": "./x", "labels": {0: 7, "LABEL_1": "calm"}})
    assert teacher.labels == {"0": "7", "LABEL_1": "calm"}
