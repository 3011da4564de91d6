"""Recipes by name or path, `--set` assignments, and messages for invalid recipes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldpress.errors import InputError
from coldpress.recipe.assignments import apply_assignments
from coldpress.recipe.loading import find_recipe, list_recipes, load_recipe
from coldpress.recipe.recipe import Recipe

TREC = """\
name: trec
benchmark: {kind: text-classification, source: {origin: synthetic, data_seed: 3}}
teacher: {model: {origin: scratch, layers: 2}, epochs: 1}
distill: {method: logits, student: {layers: 1}, alpha: 0.5}
prune: [{method: neurons, keep_neurons: 0.5}, {method: heads, keep_heads: 0.5}]
quantize: {method: static-int8, calibration_examples: 64}
"""

Read = Callable[..., Recipe]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Load the recipe above from a file in the working directory, with assignments."""
    monkeypatch.chdir(tmp_path)
    Path("trec.yaml").write_text(TREC)
    return lambda *assignments: load_recipe("trec.yaml", assignments)


def content() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(TREC)
    return parsed


def test_a_value_parses_as_yaml(read: Read) -> None:
    recipe = read("seed=7", "teacher.freeze_embeddings=false", "distill.temperature=2.5e+0")
    assert recipe.seed == 7
    assert recipe.model_teacher.freeze_embeddings is False
    assert recipe.distill is not None
    assert recipe.distill.temperature == 2.5


@pytest.mark.parametrize("number", ["2e-4", "2E-4", "2.e-4", "+2.0e-04", ".02e-2", "0.0002"])
def test_numbers_may_be_written_in_all_usual_ways(read: Read, number: str) -> None:
    assert read(f"teacher.learning_rate={number}").model_teacher.learning_rate == 2e-4


def test_text_that_resembles_a_number_stays_text(read: Read) -> None:
    source = "benchmark.source={origin: hub, dataset: a/b, revision: 12e4f}"
    recipe = read(source, "benchmark.columns={text: 1e, label: e5}")
    assert recipe.benchmark.source.model_dump()["revision"] == "12e4f"
    assert recipe.benchmark.columns.names == ["1e", "e5"]
    steps = read("prune=[{method: magnitude, pattern: 2:4}]").prune or []
    assert steps[0].model_dump()["pattern"] == "2:4"


def test_null_skips_a_stage(read: Read) -> None:
    assert read("prune=null").prune is None


def test_list_items_are_named_by_index() -> None:
    assert apply_assignments(content(), ["prune.1.keep_heads=0.25"])["prune"] == [
        {"method": "neurons", "keep_neurons": 0.5},
        {"method": "heads", "keep_heads": 0.25},
    ]


def test_one_past_the_last_index_appends() -> None:
    added = apply_assignments(content(), ["prune.2.sparsity=0.3", "prune.2.method=magnitude"])
    assert added["prune"][2:] == [{"method": "magnitude", "sparsity": 0.3}]


def test_a_missing_section_is_created() -> None:
    assert apply_assignments({}, ["gate.max_drop=0.01"]) == {"gate": {"max_drop": 0.01}}
    assert apply_assignments({"prune": None}, ["prune.0.method=heads"]) == {
        "prune": [{"method": "heads"}]
    }


def test_all_assignments_are_applied_before_anything_is_checked(read: Read) -> None:
    """Each assignment alone gives an invalid recipe."""
    recipe = read("quantize.method=dynamic-int8", "quantize.weight_bits=7")
    assert recipe.model_dump()["quantize"] == {"method": "dynamic-int8", "weight_bits": 7}


def test_a_new_method_drops_the_keys_of_the_old_one() -> None:
    changed = apply_assignments(content(), ["quantize.method=dynamic-int8"])
    assert changed["quantize"] == {"method": "dynamic-int8"}


def test_a_new_origin_drops_the_keys_of_the_old_one() -> None:
    source = ["benchmark.source.test=b.csv", "benchmark.source.origin=files"]
    changed = apply_assignments(content(), [*source, "benchmark.source.train=a.csv"])
    expected = {"origin": "files", "train": "a.csv", "test": "b.csv"}
    assert changed["benchmark"]["source"] == expected


def test_the_same_method_again_keeps_its_keys() -> None:
    assert apply_assignments(content(), ["distill.method=logits"]) == content()


def test_a_scalar_replaces_a_mapping(read: Read) -> None:
    model = read("teacher.model=bert-base-uncased").model_teacher.model
    assert model.model_dump() == {"origin": "hub", "id": "bert-base-uncased", "revision": "main"}


def test_a_mapping_replaces_a_scalar() -> None:
    changed = apply_assignments(
        {"teacher": {"model": "bert-base-uncased"}}, ["teacher.model.origin=scratch"]
    )
    assert changed == {"teacher": {"model": {"origin": "scratch"}}}


def test_a_whole_section_is_set_before_its_members() -> None:
    steps = ["prune.0.method=magnitude", "prune.0.sparsity=0.3", "prune=[]"]
    assert apply_assignments(content(), steps)["prune"] == [
        {"method": "magnitude", "sparsity": 0.3}
    ]


def test_the_later_of_two_values_for_a_field_wins() -> None:
    assert apply_assignments({}, ["seed=1", "seed=2"]) == {"seed": 2}


@given(
    st.permutations(
        [
            "quantize.method=dynamic-int8",
            "quantize.weight_bits=7",
            "prune=[]",
            "prune.0.method=heads",
            "prune.0.keep_heads=0.5",
            "teacher.model.origin=hub",
            "teacher.model.id=a/b",
        ]
    )
)
def test_the_order_of_assignments_does_not_matter(assignments: list[str]) -> None:
    assert apply_assignments(content(), assignments) == {
        **content(),
        "quantize": {"method": "dynamic-int8", "weight_bits": 7},
        "prune": [{"method": "heads", "keep_heads": 0.5}],
        "teacher": {"model": {"origin": "hub", "id": "a/b"}, "epochs": 1},
    }


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("seed", "--set seed: expected field=value, as in distill.epochs=3"),
        ("=3", "--set =3: expected field=value, as in distill.epochs=3"),
        ("distill..alpha=3", "--set distill..alpha=3: expected field=value"),
        ("seed=[1", "--set seed=[1: invalid YAML"),
        ("gate={max_drop: 0, max_drop: 1}", "duplicate key 'max_drop', first in line 1"),
        ("prune.3.keep_heads=1", "--set prune.3.keep_heads: '3' is not an index from 0 to 2"),
        ("prune.last.keep_heads=1", "'last' is not an index from 0 to 2"),
        ("prune.-1.keep_heads=1", "'-1' is not an index from 0 to 2"),
        ("prune.²=1", "'²' is not an index from 0 to 2"),
    ],
)
def test_an_assignment_that_cannot_be_applied_is_quoted(assignment: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        apply_assignments(content(), [assignment])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("nme=trec", "nme: unknown key"),
        ("distill.tempurature=3", "distill.tempurature: unknown key"),
        ("prune.1.keep_neurons=0.5", "prune.1.keep_neurons: unknown key"),
        (
            "benchmark.columns={text: a, label: a}",
            "benchmark.columns: text and label are both column 'a'",
        ),
        (
            "benchmark.columns.text=label",
            "benchmark.columns: text and label are both column 'label'",
        ),
        (
            "benchmark.columns.text_pair=text",
            "benchmark.columns: text and text_pair are both column 'text'",
        ),
        (
            "benchmark.columns={text_pair: b, label: b}",
            "benchmark.columns: text_pair and label are both column 'b'",
        ),
        ("benchmark.source.train=x", "benchmark.source.train: unknown key"),
        ("teacher.model.path=x", "teacher.model.path: unknown key"),
        ("distill.student={width: 16}", "distill.student.layers: field required"),
        (
            "distill.student.from.origin=synthetic",
            "distill.student.from.origin: 'synthetic' is not one of 'hub', 'directory', 'scratch'",
        ),
        ("distill.student.from.id=3", "distill.student.from.origin: field required"),
        ("distill.student.from_=./small", "distill.student.from_: unknown key"),
        ("distill.alpha=2", "distill.alpha: input should be less than or equal to 1, not 2"),
        ("distill.alpha=.nan", "distill.alpha: input should be a finite number, not nan"),
        (
            "prune.1.keep_heads=1.5",
            "prune.1.keep_heads: input should be less than or equal to 1, not 1.5",
        ),
        ("gate.max_drop=-1", "gate.max_drop: input should be greater than or equal to 0, not -1"),
        ("teacher.epochs=true", "teacher.epochs: input should be a valid integer, not True"),
        ("seed=off", "seed: input should be a valid integer, not False"),
        ("prune.1.keep_heads=true", "prune.1.keep_heads: input should be a valid number, not True"),
        ("gate.max_drop=false", "gate.max_drop: input should be a valid number, not False"),
        ("distill.epochs='3'", "distill.epochs: input should be a valid integer, not '3'"),
        ("distill.alpha='0.5'", "distill.alpha: input should be a valid number, not '0.5'"),
        ("distill.epochs=1.5", "distill.epochs: input should be a valid integer, not 1.5"),
        (
            "teacher.freeze_embeddings=1",
            "teacher.freeze_embeddings: input should be a valid boolean, not 1",
        ),
        (
            "name=3",
            "name: input should be a valid string, not 3"
            "; YAML reads this unquoted value as a number: put it in quotes",
        ),
        (
            "benchmark.columns.label=on",
            "benchmark.columns.label: input should be a valid string, not True; YAML reads"
            " unquoted on, yes and true as true: put it in quotes",
        ),
        (
            "benchmark.columns.label=No",
            "benchmark.columns.label: input should be a valid string, not False; YAML reads"
            " unquoted off, no and false as false: put it in quotes",
        ),
        (
            "benchmark.columns.text=null",
            "benchmark.columns.text: input should be a valid string, not None; YAML reads"
            " an empty value, ~ and unquoted null as null: put it in quotes",
        ),
        (
            "benchmark.columns.text=2024-01-01",
            "benchmark.columns.text: input should be a valid string, not"
            " datetime.date(2024, 1, 1); YAML reads this unquoted value as a date: put it in"
            " quotes",
        ),
        ("on=1", "on: unknown key"),
        (
            "name=trec-pruned",
            "name: 'trec-pruned' ends in '-pruned', which is reserved for models of stages",
        ),
        ("prune=heads", "prune: input should be a valid list, not 'heads'"),
        ("prune.0=null", "prune.0: must be a mapping, not None"),
        ("quantize=dynamic-int8", "quantize: must be a mapping, not 'dynamic-int8'"),
        ("evaluate=[1]", "evaluate: must be a mapping"),
        (
            "quantize.method=int4",
            "quantize.method: 'int4' is not one of 'dynamic-int8', 'static-int8', 'smooth', "
            "'k-bit', 'weight-only', 'mixed', 'qat', 'binary'",
        ),
        ("quantize={}", "quantize.method: field required"),
        (
            "evaluate.slices=[{method: column, column: 1}]",
            "evaluate.slices.0.column: input should be a valid string, not 1"
            "; YAML reads this unquoted value as a number: put it in quotes",
        ),
        ("evaluate.slices=[{method: column}]", "evaluate.slices.0.column: field required"),
        ("benchmark.source.origin=files", "benchmark.source.train: field required"),
        ("teacher={}", "teacher.model: field required"),
        (
            "prune=[{method: heads, keep_head: 0.5, share: 1}]",
            "prune.0.keep_heads: field required; unknown key: keep_head, share",
        ),
        (
            "teacher={modle: ./here, nested: {epochs: 1}}",
            "teacher.model: field required; unknown key: modle, nested",
        ),
        ('teacher.model="./a\\0b"', "teacher.model.path: embedded null byte"),
        (
            "placement.evaluate=3",
            "placement.evaluate: input should be a valid string, not 3;"
            " YAML reads this unquoted value as a number: put it in quotes",
        ),
        (
            "placement.evaluate=[a, true]",
            "placement.evaluate.1: input should be a valid string, not True;"
            " YAML reads unquoted on, yes and true as true: put it in quotes",
        ),
        ("placement.evaluate={a: 1}", "placement.evaluate: input should be a valid string"),
        ("soft_targets.unlabelled=3", "soft_targets.unlabelled: must be a path, not 3"),
    ],
)
def test_an_invalid_recipe_gives_a_one_line_message_with_the_field(
    read: Read, assignment: str, message: str
) -> None:
    with pytest.raises(InputError) as error:
        read(assignment)
    assert str(error.value) == f"trec.yaml: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: \xff", "trec.yaml: byte 6 is not UTF-8"),
        (b"name: trec\nseed: [1", "trec.yaml: line 2: expected ',' or ']', but got '<stream end>'"),
        (
            b"name: \a",
            "trec.yaml: unacceptable character #x0007: special characters are not allowed",
        ),
        (
            b"name: trec\nseed: 2020-13-41",
            "trec.yaml: line 2: '2020-13-41' is not a valid timestamp",
        ),
        (b"name: trec\nseed: !!int ''", "trec.yaml: line 2: '' is not a valid int"),
        (b"- trec", "trec.yaml: a recipe must be a mapping of sections"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
            "trec.yaml is a git-lfs pointer, not the file itself; fetch it with: git lfs pull",
        ),
        (b"", "trec.yaml: a recipe must be a mapping of sections"),
        (
            b"name: trec\nseed: 1\n'seed': 1",
            "trec.yaml: line 3: duplicate key 'seed', first in line 2",
        ),
        (
            b"name: trec\nprune:\n- {method: heads,\n   keep_heads: 1, method: heads}",
            "trec.yaml: line 4: duplicate key 'method', first in line 3",
        ),
    ],
)
def test_an_invalid_file_is_named(read: Read, content: bytes, message: str) -> None:
    Path("trec.yaml").write_bytes(content)
    with pytest.raises(InputError) as error:
        read()
    assert str(error.value) == message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_recipe_in_another_encoding_is_refused_with_the_remedy(read: Read, encoding: str) -> None:
    Path("trec.yaml").write_bytes(TREC.encode(encoding))
    with pytest.raises(InputError, match=r"^trec.yaml: the file is UTF-.*; save it as UTF-8$"):
        read()


def test_a_byte_order_mark_is_ignored(read: Read) -> None:
    plain = read()
    Path("trec.yaml").write_bytes(TREC.encode("utf-8-sig"))
    assert read() == plain


def test_a_key_that_yaml_does_not_read_as_text_is_named(read: Read) -> None:
    Path("trec.yaml").write_text(f"{TREC}\non: 1\n")
    with pytest.raises(InputError) as error:
        read()
    hint = "YAML reads unquoted on, yes and true as true: put it in quotes"
    assert str(error.value) == f"trec.yaml: invalid key True; {hint}"


SNIPPETS = st.sampled_from(
    ["on", "no", "null", "~", "2024-01-01", ".nan", "&a ", "*a", "!!binary x", "<<: ", "? ", "- ",
     "[", "]", "{", "}", ": ", "'", '"', "1:30", "\0", "\t", "|", "---\n", "!!set {a}", "\ufeff"]
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(position=st.integers(0, len(TREC)), removed=st.integers(0, 6), word=SNIPPETS)
def test_any_typing_error_gives_a_one_line_message_or_a_valid_recipe(
    read: Read, position: int, removed: int, word: str
) -> None:
    changed = TREC[:position] + word + TREC[position + removed :]
    Path("trec.yaml").write_text(changed, encoding="utf-8")
    try:
        read()
    except InputError as error:
        assert str(error).startswith("trec.yaml")
        assert "\n" not in str(error)


def test_a_long_value_is_shortened(read: Read) -> None:
    with pytest.raises(InputError) as error:
        read("seed=" + 5000 * "a")
    assert str(error.value) == (
        f"trec.yaml: seed: input should be a valid integer, not '{37 * 'a'}...{38 * 'a'}'"
    )


def test_merged_values_may_be_overridden(read: Read) -> None:
    """The anchored mapping merges another one, and is used before it is complete."""
    merged = """
teacher: {model: {origin: scratch}, <<: &fit {epochs: 5, <<: &rate {learning_rate: 1.0e-3}}}
distill: {method: logits, student: {layers: 1}, <<: [*fit, *rate], epochs: 2}
"""
    rest = [line for line in TREC.splitlines() if not line.startswith(("teacher", "distill"))]
    Path("trec.yaml").write_text("\n".join(rest) + merged)
    recipe = read()
    assert (recipe.model_teacher.epochs, recipe.model_teacher.learning_rate) == (5, 1e-3)
    assert recipe.distill is not None
    assert (recipe.distill.epochs, recipe.distill.learning_rate) == (2, 1e-3)


def test_relative_paths_are_resolved_against_the_working_directory(
    read: Read, tmp_path: Path
) -> None:
    files = ["benchmark.source={origin: files, train: a/train.csv, test: ../test.csv}"]
    later = "benchmark.fresh.0={origin: files, path: later.csv}"
    models = ("teacher.model=./teacher", "distill.student.from=./small")
    recipe = read(*files, later, *models, "soft_targets.unlabelled=more.jsonl")
    sections = recipe.model_dump()
    assert sections["benchmark"]["source"]["train"] == tmp_path / "a/train.csv"
    assert sections["benchmark"]["source"]["test"] == tmp_path.parent / "test.csv"
    assert sections["benchmark"]["fresh"][0]["path"] == tmp_path / "later.csv"
    assert sections["teacher"]["model"]["path"] == tmp_path / "teacher"
    assert sections["distill"]["student"]["from"]["path"] == tmp_path / "small"
    assert sections["soft_targets"]["unlabelled"] == tmp_path / "more.jsonl"


def test_an_existing_directory_is_not_a_hub_id(read: Read, tmp_path: Path) -> None:
    assert read("teacher.model=models/enc").model_teacher.model.origin == "hub"
    (tmp_path / "models" / "enc").mkdir(parents=True)
    model = read("teacher.model=models/enc").model_teacher.model
    assert model.model_dump() == {"origin": "directory", "path": tmp_path / "models" / "enc"}
    explicit = read("teacher.model={origin: hub, id: models/enc}").model_teacher.model
    assert explicit.origin == "hub"


def test_a_name_is_looked_up_in_the_working_directory_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    packaged = find_recipe("demo")
    own = tmp_path / "recipes" / "demo.yaml"
    own.parent.mkdir()
    own.write_text(TREC)
    assert find_recipe("demo").resolve() == own
    demos = [path.resolve() for path in list_recipes() if path.stem == "demo"]
    assert demos == [own]
    assert packaged != own


@pytest.mark.parametrize("path", ["./demo", "demo.yaml", "recipes/demo"])
def test_a_path_is_not_looked_up_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"recipe: no file {path}"):
        find_recipe(path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("~nobody-of-this-name/trec.yaml", "recipe: ~nobody-of-this-name/trec.yaml: Could not"),
        ("a/" * 3000, f"recipe: {'a/' * 40}: File name too long"),
    ],
    ids=["no home", "long"],
)
def test_an_invalid_path_is_refused(path: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        find_recipe(path)
    assert str(error.value).startswith(message)


def test_the_error_for_an_unknown_name_lists_the_available_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no recipe 'dmo'; available: .*demo"):
        find_recipe("dmo")


@pytest.mark.parametrize("path", list_recipes(), ids=lambda path: path.stem)
def test_every_packaged_recipe_is_valid_and_named_as_its_file(path: Path) -> None:
    assert load_recipe(str(path)).name == path.stem
    assert path.read_text().startswith("# ")
