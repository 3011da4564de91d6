"""Verdicts on model versions and in the state of the flow run."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.errors import InputError
from coldpress.gate.verdict import Check, Verdict
from tasks import gate
from tasks.promotion import version_identity
from tasks.tracking import registry, runs
from tasks.tracking.results import StageResult
from tests.support.registered_models import version

RESULT = StageResult(stage="evaluate", status="ran")


@pytest.fixture
def versions(state: Path) -> None:
    """Two versions of a model."""
    client = runs.client()
    run_id = runs.open_run(runs.ensure_experiment("tiny"), "export_onnx", {})
    client.create_registered_model("tiny")
    for _ in range(2):
        client.create_model_version("tiny", client.get_run(run_id).info.artifact_uri, run_id)


def verdict(*failed: str) -> Verdict:
    checks = (
        Check(name="parity", value=0.0, bound=1.0, passed=True, sentence="It is the same."),
        *(Check(name="max_bytes", value=2, bound=1, passed=False, sentence=s) for s in failed),
    )
    return Verdict(passed=not failed, checks=checks)


def challenger() -> str | None:
    holder = registry.version_with_alias("tiny", "challenger")
    return None if holder is None else str(holder.version)


def test_the_last_judgement_of_a_version_counts(versions: None) -> None:
    registry.record_verdict("tiny/1", {"gate": "passed"}, "first", True)
    assert challenger() == "1"
    registry.record_verdict("tiny/1", {"gate": "refused"}, "second", False)
    version = registry.resolve_any("tiny/1")
    assert (version.description, version.tags["gate"]) == ("second", "refused")
    assert challenger() is None


def test_a_refusal_leaves_another_challenger_alone(versions: None) -> None:
    registry.record_verdict("tiny/1", {"gate": "passed"}, "", True)
    registry.record_verdict("tiny/2", {"gate": "refused"}, "", False)
    assert challenger() == "1"


def test_an_unset_alias_is_none(versions: None) -> None:
    assert registry.version_with_alias("tiny", "champion") is None
    assert registry.version_with_alias("nobody", "champion") is None


@pytest.mark.integration
def test_a_registry_that_does_not_answer_is_not_one_without_a_champion(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(Exception, match=r"127\.0\.0\.1"):
        registry.version_with_alias("tiny", "champion")


@pytest.mark.parametrize("outcome", [None, verdict()])
def test_a_model_that_is_not_refused_completes_its_run(outcome: Verdict | None) -> None:
    state = gate.final_state(outcome, RESULT)
    assert (state.name, state.data) == ("Completed", RESULT)


def test_the_run_of_a_refused_model_ends_in_the_state_refused() -> None:
    state = gate.final_state(verdict("It is too large.", "It is too slow."), RESULT)
    assert state.is_completed()
    assert (state.name, state.message) == ("Refused", "It is too large.")
    assert state.data == RESULT


def test_a_version_that_was_registered_anew_meanwhile_is_not_judged(
    state: Path, tmp_path: Path
) -> None:
    digest = version(tmp_path, "tiny")
    version_identity.check_unchanged("tiny/1", digest)
    runs.client().delete_registered_model("tiny")
    with pytest.raises(InputError, match="tiny/1 was deleted in MLflow, or registered again"):
        version_identity.check_unchanged("tiny/1", digest)
    version(tmp_path, "tiny")
    with pytest.raises(InputError, match="tiny/1 was deleted in MLflow, or registered again"):
        version_identity.check_unchanged("tiny/1", digest)
