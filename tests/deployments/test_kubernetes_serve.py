"""deployments/kubernetes/serve.yaml: valid, confined, and in step with the service."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from flows.cli.main import app
from flows.serving.bearer_token import TOKEN_VARIABLE
from flows.serving.server import CLOSING_SECONDS, DRAIN_SECONDS
from tests.support.compose_lint import SECRET

FOLDER = Path(__file__).parents[2] / "deployments"
TEXT = (FOLDER / "kubernetes/serve.yaml").read_text()
DEPLOYMENT, SERVICE = yaml.safe_load_all(TEXT)
POD: dict[str, Any] = DEPLOYMENT["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


@pytest.mark.parametrize("manifest", [DEPLOYMENT, SERVICE], ids=lambda manifest: manifest["kind"])
def test_kubernetes_knows_every_field(manifest: Any) -> None:  # noqa: ANN401
    newest = kubernetes_validate.latest_version()
    kubernetes_validate.validate(manifest, newest, strict=True)
    slip = deepcopy(manifest)
    slip["spec"]["selectr"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="selectr"):
        kubernetes_validate.validate(slip, newest, strict=True)


def test_the_pod_is_confined() -> None:
    assert POD["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "fsGroup": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False
    assert set(CONTAINER["resources"]["limits"]) == {"cpu", "memory"}
    assert set(CONTAINER["resources"]["requests"]) == {"cpu", "memory"}
    assert "USER 1000:1000" in (FOLDER / "Dockerfile").read_text()


def test_all_that_it_writes_is_in_a_volume() -> None:
    (mount,) = CONTAINER["volumeMounts"]
    (volume,) = POD["volumes"]
    assert (mount["mountPath"], volume["name"]) == ("/tmp", mount["name"])
    assert "sizeLimit" in volume["emptyDir"]
    home = next(entry for entry in CONTAINER["env"] if entry["name"] == "COLDPRESS_HOME")
    assert home["value"].startswith("/tmp/")


def test_probes_read_health_and_readiness() -> None:
    """Both paths need no token, which tests/flows/serving/test_application.py checks."""
    paths = {name: CONTAINER[name]["httpGet"] for name in CONTAINER if name.endswith("Probe")}
    assert paths == {
        "startupProbe": {"path": "/health", "port": "http"},
        "livenessProbe": {"path": "/health", "port": "http"},
        "readinessProbe": {"path": "/ready", "port": "http"},
    }


def test_a_pod_is_killed_only_after_it_could_end() -> None:
    program, seconds = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    needed = int(seconds) + CLOSING_SECONDS + DRAIN_SECONDS
    assert POD["terminationGracePeriodSeconds"] > needed
    assert f"({seconds}), and {CLOSING_SECONDS} + {DRAIN_SECONDS} seconds" in TEXT


def test_secrets_come_from_secrets() -> None:
    entries = {entry["name"]: entry for entry in CONTAINER["env"]}
    assert entries[TOKEN_VARIABLE]["valueFrom"] == {
        "secretKeyRef": {"name": "coldpress-serve", "key": "token"}
    }
    assert [name for name in entries if SECRET.search(name) and "value" in entries[name]] == []
    assert CONTAINER["envFrom"] == [{"secretRef": {"name": "coldpress"}}]
    assert not re.search(r"://[^/\s]*:[^/\s]*@", TEXT)


def test_the_command_and_the_ports_fit_together() -> None:
    program, *words = CONTAINER["args"]
    _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert (program, bound.arguments["model"], bound.arguments["host"]) == (
        "coldpress",
        "demo@champion",
        "0.0.0.0",
    )
    (port,) = CONTAINER["ports"]
    assert (port["name"], port["containerPort"]) == ("http", bound.arguments["port"])
    (published,) = SERVICE["spec"]["ports"]
    assert (published["port"], published["targetPort"]) == (port["containerPort"], "http")
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"].items()
    assert SERVICE["spec"]["selector"].items() <= labels
    assert DEPLOYMENT["spec"]["selector"]["matchLabels"].items() <= labels


def test_it_uses_the_registry_and_the_image_of_the_others() -> None:
    values = yaml.safe_load((FOLDER / "kubernetes/mlflow-values.yaml").read_text())
    entries = {entry["name"]: entry.get("value") for entry in CONTAINER["env"]}
    assert entries["MLFLOW_TRACKING_URI"] == f"http://{values['fullnameOverride']}:5000"
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    assert CONTAINER["image"] == services["worker"]["image"]
    assert CONTAINER["args"][2:-1] == ["demo@champion", *services["serve"]["command"][3:-1]]


def test_its_names_with_a_dot_are_allowed_hosts() -> None:
    names = f"{SERVICE['metadata']['name']}.coldpress.svc"
    assert CONTAINER["args"][-1] == f"--allowed-hosts={names},{names}.cluster.local"
