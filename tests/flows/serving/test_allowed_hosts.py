"""The header `Host`: names of other sites are refused, which protects from DNS rebinding."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from flows.serving.allowed_hosts import AllowedHosts
from flows.serving.application import create_application
from flows.serving.metrics import Metrics
from flows.serving.model_slot import ModelSlot


@pytest.fixture
def client(slot: ModelSlot, metrics: Metrics) -> TestClient:
    hosts = AllowedHosts(["models.example.org", "", " Proxy.Example.ORG"])
    return TestClient(create_application(slot, metrics, hosts=hosts))


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "[::1]", "10.1.2.3"),
        *("serve", "serve:8080", "Models.example.org:443", "models.example.org."),
        *("proxy.example.org", ""),
    ],
)
def test_addresses_short_names_and_given_names_are_allowed(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "evil.example:8080",
            "models.example.org.evil.example",
            "127.0.0.1.evil.example",
        ),
        *("evil.example.", "localhost.evil.example", "[evil.example]", "::1.evil.example"),
    ],
)
def test_names_of_other_sites_are_refused_with_one_line(client: TestClient, host: str) -> None:
    response = client.post("/predict", json={"text": ["cold"]}, headers={"Host": host})
    assert response.status_code == 403
    assert response.json() == {
        "error": f"Host: {host!r} is not a name of this service; see --allowed-hosts"
    }
    assert 'coldpress_rejections_total{status="403"} 1.0' in client.get("/metrics").text
