"""deployments/kubernetes, held to what the charts document; and the job that a pool makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.compose_lint import SECRET

FOLDER = Path(__file__).parents[2] / "deployments"
TEMPLATE = json.loads((FOLDER / "work-pools/kubernetes.json").read_text())
VALUES: dict[str, dict[str, Any]] = {
    path.stem.removesuffix("-values"): yaml.safe_load(path.read_text())
    for path in sorted((FOLDER / "kubernetes").glob("*-values.yaml"))
}
# The keys of values.yaml in charts/ of mlflow/mlflow, and of prefect-server and prefect-worker in
# PrefectHQ/prefect-helm, that ours may set; below a * anything that Kubernetes itself takes.
DOCUMENTED = {
    "mlflow": """fullnameOverride image.repository image.tag
        server.value_options.* server.flag_options
        mlflow.backendStoreUri mlflow.artifactsDestination envFrom.* env.* replicaCount
        storage.enabled storage.size storage.accessMode storage.mountPath
        podSecurityContext.* securityContext.* resources.*""",
    "prefect-server": """global.prefect.image.repository global.prefect.image.prefectTag
        global.prefect.env.* server.command.* server.args.*
        server.basicAuth.enabled server.basicAuth.existingSecret server.uiConfig.prefectUiApiUrl
        server.livenessProbe.enabled server.readinessProbe.enabled server.podSecurityContext.*
        server.containerSecurityContext.* server.resources.*
        migrations.securityContext.* migrations.resources.*
        postgresql.enabled secret.create secret.name""",
    "prefect-worker": """worker.image.repository worker.image.prefectTag worker.config.workPool
        worker.config.type worker.config.installPolicy worker.apiConfig
        worker.selfHostedServerApiConfig.apiUrl
        worker.selfHostedServerApiConfig.basicAuth.enabled
        worker.selfHostedServerApiConfig.basicAuth.existingSecret worker.livenessProbe.enabled
        worker.extraEnvVars.*
        worker.podSecurityContext.* worker.containerSecurityContext.* worker.resources.*""",
}
NAMESPACE = "coldpress"


def leaves(values: object, at: str = "") -> Iterator[str]:
    """The dotted names of all that is set."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield from leaves(value, f"{at}.{name}" if at else name)
    elif isinstance(values, list) and values:
        for value in values:
            yield from leaves(value, f"{at}.*")
    else:
        yield at


def undocumented(chart: str, values: dict[str, Any]) -> list[str]:
    """What a chart would pass over without a word."""
    documented = DOCUMENTED[chart].split()
    roots = tuple(name.removesuffix("*") for name in documented if name.endswith(".*"))
    return [
        name for name in leaves(values) if name not in documented and not name.startswith(roots)
    ]


def job(**variables: object) -> Any:  # noqa: ANN401
    """The manifest of a job, where a deployment sets these variables, and none else."""
    properties = TEMPLATE["variables"]["properties"]
    values = {
        name: variable["default"] for name, variable in properties.items() if "default" in variable
    }
    return _filled(TEMPLATE["job_configuration"]["job_manifest"], {**values, **variables})


def _filled(part: object, values: dict[str, Any]) -> Any:  # noqa: ANN401
    """A template with its placeholders replaced, and without what has no value."""
    if isinstance(part, dict):
        filled = {name: _filled(value, values) for name, value in part.items()}
        return {name: value for name, value in filled.items() if value is not None}
    if isinstance(part, list):
        return [_filled(value, values) for value in part]
    if isinstance(part, str):
        whole = re.fullmatch(r"{{ (\w+) }}", part)
        if whole:
            return values.get(whole[1])
        return re.sub(r"{{ (\w+) }}", lambda match: str(values[match[1]]), part)
    return part


def started() -> Any:  # noqa: ANN401
    """A job as the worker sends it: with a name, a command, and the environment as a list."""
    manifest = job(name="run", command=["prefect", "flow-run", "execute"], labels={"a": "b"})
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": k, "value": v} for k, v in container["env"].items()]
    return manifest


def test_the_job_is_one_that_kubernetes_knows_and_every_word_of_it() -> None:
    newest = kubernetes_validate.latest_version()
    kubernetes_validate.validate(started(), newest, strict=True)
    slip = started()
    slip["spec"]["template"]["spec"]["paralelism"] = 1
    with pytest.raises(kubernetes_validate.ValidationError, match="paralelism"):
        kubernetes_validate.validate(slip, newest, strict=True)


def test_a_job_runs_without_root_and_within_limits() -> None:
    spec = started()["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"] == {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 1000}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert set(container["resources"]["limits"]) == {"cpu", "memory"}
    assert "USER 1000:1000" in (FOLDER / "Dockerfile").read_text()


@pytest.mark.parametrize("chart", VALUES)
def test_the_chart_documents_all_that_is_set(chart: str) -> None:
    assert undocumented(chart, VALUES[chart]) == []


@pytest.mark.parametrize(
    ("chart", "path", "slip"),
    [
        ("mlflow", ["storage"], "mount_path"),
        ("prefect-server", ["server", "basicAuth"], "existingsecret"),
        ("prefect-worker", ["worker", "config"], "work_pool"),
    ],
)
def test_a_misspelt_value_is_found(chart: str, path: list[str], slip: str) -> None:
    values = deepcopy(VALUES[chart])
    at = values
    for name in path:
        at = at[name]
    at[slip] = "x"
    assert undocumented(chart, values) == [".".join([*path, slip])]


def test_all_three_charts_have_values() -> None:
    assert set(VALUES) == set(DOCUMENTED)


@pytest.mark.parametrize("chart", VALUES)
def test_no_secret_is_written_down(chart: str) -> None:
    references = ("existingSecret", "secretRef.name", "secret.name", "secret.create")
    for name in leaves(VALUES[chart]):
        assert not SECRET.search(name.upper()) or name.endswith(references)
    assert not re.search(r"://[^/\s]*:[^/\s]*@", json.dumps(VALUES[chart]))


def secured(values: object) -> Iterator[dict[str, Any]]:
    """Every security context of a container."""
    if isinstance(values, dict):
        for name, value in values.items():
            if name in {"securityContext", "containerSecurityContext"}:
                yield value
            yield from secured(value)


@pytest.mark.parametrize("chart", VALUES)
def test_every_container_is_confined(chart: str) -> None:
    contexts = list(secured(VALUES[chart]))
    assert contexts
    for context in contexts:
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}


def test_the_three_and_the_jobs_find_each_other() -> None:
    worker = VALUES["prefect-worker"]["worker"]
    server = VALUES["prefect-server"]["server"]
    auth = {"enabled": True, "existingSecret": "prefect-auth"}
    assert worker["selfHostedServerApiConfig"] == {
        "apiUrl": f"http://prefect-server.{NAMESPACE}.svc.cluster.local:4200/api",
        "basicAuth": auth,
    }
    assert server["basicAuth"] == auth
    assert (worker["config"]["workPool"], worker["config"]["type"]) == ("coldpress", "kubernetes")
    variables = TEMPLATE["variables"]["properties"]
    assert variables["namespace"]["default"] == NAMESPACE
    address = f"http://{VALUES['mlflow']['fullnameOverride']}:5000"
    assert variables["env"]["default"]["MLFLOW_TRACKING_URI"] == address
    hosts = VALUES["mlflow"]["server"]["value_options"]["allowed_hosts"].split(",")
    assert address.removeprefix("http://") in hosts
