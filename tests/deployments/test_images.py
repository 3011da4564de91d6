"""deployments/Dockerfile, and the images that files of deployments/ name."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.compose_lint import PINNED, SECRET

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deployments"
TEXT = (FOLDER / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS: dict[str, str] = {
    canonicalize_name(line.split("==")[0]): line.split("==")[1]
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
}
Instruction = tuple[str, str]


def instructions(text: str) -> list[Instruction]:
    """Each instruction with its arguments, lines that go on joined."""
    bare = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    lines = bare.replace("\\\n", " ").splitlines()
    return [
        (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line)
    ]


def stages(text: str) -> dict[str, list[Instruction]]:
    """The instructions of each stage by its name."""
    by_name: dict[str, list[Instruction]] = {}
    for word, rest in instructions(text):
        if word == "FROM":
            by_name[rest.split()[-1]] = []
        by_name[list(by_name)[-1]].append((word, rest))
    return by_name


def faults(text: str) -> Iterator[str]:
    """What must not be in a Dockerfile."""
    stage_names: set[str] = set()
    for word, rest in instructions(text):
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            if image not in stage_names and not PINNED.fullmatch(image):
                yield f"{image} is not pinned"
            stage_names.add(name)
        if word == "ADD":
            yield f"ADD {rest}"
        if word in {"ARG", "ENV"} and SECRET.search(rest):
            yield f"a secret in {word} {rest}"
        if word == "RUN" and "pip install" in rest:
            for command in re.findall(r"pip install [^&]*", rest):
                if "--constraint constraints.txt" not in command and "--no-deps ." not in command:
                    yield f"unpinned: {command}"
    for name in ("server", "worker"):
        users = [rest for word, rest in stages(text)[name] if word == "USER"]
        if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", (users or ["root"])[-1]):
            yield f"{name} runs as {(users or ['root'])[-1]}"


def test_the_dockerfile_has_no_fault() -> None:
    assert list(faults(TEXT)) == []


@pytest.mark.parametrize(
    ("original", "slip", "fault"),
    [
        ("python:3.11.15-slim-bookworm", "python", "python is not pinned"),
        ("python:3.11.15-slim-bookworm", "python:latest", "python:latest is not pinned"),
        ("python:3.11.15-slim-bookworm", "python:3-slim", "python:3-slim is not pinned"),
        ("COPY tasks tasks", "ADD https://example.org/tasks .", "ADD https://example.org/tasks ."),
        ("ARG TORCH=cpu", "ARG HUB_TOKEN", "a secret in ARG HUB_TOKEN"),
        ("HOME=/tmp", "PGPASSWORD=x", "a secret in ENV"),
        ("--constraint constraints.txt --requirement", "--requirement", "unpinned: pip install"),
        ('USER 1000:1000\nCMD ["cold', 'CMD ["cold', "worker runs as root"),
        ('USER 1000:1000\nCMD ["cold', 'USER 0:0\nCMD ["cold', "worker runs as 0:0"),
    ],
)
def test_each_fault_in_the_dockerfile_is_found(original: str, slip: str, fault: str) -> None:
    assert original in TEXT
    assert fault in "\n".join(faults(TEXT.replace(original, slip)))


def test_the_worker_holds_what_the_project_installs() -> None:
    copied = {rest.split()[0] for word, rest in stages(TEXT)["worker-packages"] if word == "COPY"}
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert {name.rstrip("*") for name in packages["packages"]["find"]["include"]} <= copied


def test_copied_files_exist_and_are_not_ignored_by_the_build() -> None:
    let_in = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for word, rest in instructions(TEXT)
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert copied == let_in
    assert all((ROOT / source).exists() for source in copied)


def test_packages_of_the_server_have_a_version_in_the_constraints() -> None:
    (command,) = (
        rest for word, rest in stages(TEXT)["server-packages"] if word == "RUN" and "pip" in rest
    )
    words = shlex.split(command.removeprefix("pip install --constraint constraints.txt"))
    requirements = [Requirement(word) for word in words]
    assert [requirement.name for requirement in requirements] == [
        "mlflow",
        "prefect",
        "psycopg2-binary",
    ]
    assert requirements[0].extras == {"auth"}
    assert {"mlflow", "prefect", "psycopg2-binary", "flask-wtf", "wtforms", "asyncpg"} <= set(PINS)


def test_python_is_one_that_the_project_runs_on() -> None:
    base = instructions(TEXT)[0][1]
    minor = re.match(r"python:(3\.\d+)\.\d+-slim", base)
    assert minor is not None
    assert f">={minor[1]}" in PROJECT["requires-python"]


def images() -> dict[str, set[str]]:
    """Every image that a file of deployments/ runs, by the file."""
    by_file: dict[str, set[str]] = {}
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    by_file["compose.yaml"] = {service["image"] for service in compose.values()}
    for name in ("docker", "kubernetes"):
        template = json.loads((FOLDER / f"work-pools/{name}.json").read_text())
        by_file[f"{name}.json"] = {template["variables"]["properties"]["image"]["default"]}
    for path in sorted((FOLDER / "kubernetes").glob("*.yaml")):
        by_file[path.name] = set(_of_values(list(yaml.safe_load_all(path.read_text()))))
    return by_file


def _of_values(values: object) -> Iterator[str]:
    """Manifests name an image, charts want it in two pieces."""
    if isinstance(values, list):
        for value in values:
            yield from _of_values(value)
    if isinstance(values, dict):
        if isinstance(values.get("image"), str):
            yield values["image"]
        if "repository" in values:
            yield f"{values['repository']}:{values.get('tag', values.get('prefectTag'))}"
        for value in values.values():
            yield from _of_values(value)


@pytest.mark.parametrize("file", images())
def test_every_image_is_pinned_to_the_versions_that_the_tests_run_with(file: str) -> None:
    expected = {
        "coldpress-server": PROJECT["version"],
        "coldpress-worker": PROJECT["version"],
        "prefecthq/prefect": f"{PINS['prefect']}-python3.11-kubernetes",
        "postgres": "17.10-bookworm",
    }
    assert images()[file]
    for image in images()[file]:
        name, _, tag = image.partition(":")
        assert (name, tag) == (name, expected[name])


def test_the_commands_that_build_them_name_them_so() -> None:
    tags = set(re.findall(r"coldpress-(?:server|worker):[\w.]+", TEXT))
    assert tags == {f"coldpress-{name}:{PROJECT['version']}" for name in ("server", "worker")}


def test_no_file_refers_to_the_tag_latest() -> None:
    for path in FOLDER.rglob("*"):
        if path.is_file() and path.suffix in {".yaml", ".json", ".sh", ""}:
            assert not re.search(r":latest\b", path.read_text()), path
