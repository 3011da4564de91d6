"""Promotion through Prefect, with a real server: the command line, and a person who is asked."""

from __future__ import annotations

import contextvars
import getpass
import json
import shutil
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from prefect import Flow, State
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.flow_runs import resume_flow_run
from prefect.settings import PREFECT_API_URL, PREFECT_LOCAL_STORAGE_PATH, temporary_settings
from prefect.testing.utilities import prefect_test_harness
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import ValidationError, validate

from flows.cli import promotion
from flows.collect_garbage import collect_garbage
from flows.promote import promote as promote_flow
from flows.rollback import rollback as rollback_flow
from flows.watch_registry import watch_registry
from tasks.promotion import audit, retention, version_identity
from tasks.tracking import runs as tracking
from tasks.tracking import shadow_runs
from tasks.tracking.shadow_record import ShadowRecord
from tests.support.command import Coldpress, new_home
from tests.support.registered_models import named, passed, promote, version

pytestmark = pytest.mark.xdist_group("prefect-server")


@pytest.fixture(scope="module")
def prefect() -> Iterator[str]:
    """A Prefect server, and its address."""
    with prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())


@pytest.fixture
def coldpress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> Coldpress:
    """An embedded home in which 1 and 2 passed their gate, 3 was refused by it."""
    command = new_home(tmp_path)
    home = tmp_path / "state"
    home.mkdir()
    monkeypatch.setenv("COLDPRESS_HOME", str(home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
    shutil.copyfile(empty_store, home / "mlflow.db")
    passed(tmp_path, 2)
    version(tmp_path, **{"gate": "refused", "gate.reasons": "Too slow.\nToo large."})
    return command


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if "Warning" not in line]


def test_promote_shows_how_the_version_answered_in_the_shadow(
    prefect: str, coldpress: Coldpress
) -> None:
    promotion.promote("trec/1", "first", force=False)
    digest = version_identity.digest_of("trec", "2")
    assert digest is not None
    metrics = {"agreement": 0.75, "texts": 4.0}
    record = ShadowRecord("trec", "trec/1", "aa", "trec/2", digest, 0.1, 0.0, metrics)
    run_id = shadow_runs.write_shadow(record, None)
    shown, outcome = promotion.promote("trec/2", "agrees", force=False).splitlines()
    assert shown == (f"trec/2 in the shadow of trec/1: agreement 0.75, 4 texts (run {run_id})")
    assert outcome.startswith("trec/2 is the champion, trec/1 is previous (audit ")


def test_promote_and_rollback_print_the_outcome(prefect: str, coldpress: Coldpress) -> None:
    messages = [
        promotion.promote("trec/1", "told to", force=False),
        promotion.promote("trec/1", "told to", force=False),
        promotion.promote("trec/3", "told to", force=True),
        promotion.rollback("trec", "told to"),
    ]
    assert messages == [
        "trec/1 is the champion (audit 1)",
        "trec/1 is already the champion: nothing to do",
        "trec/3 is the champion, trec/1 is previous (audit 2)",
        "trec/1 is the champion, trec/3 is previous (audit 3)",
    ]
    audit_tags = [(t.tags["why"], "flow_run_id" in t.tags) for t in audit.all_tickets("trec")]
    assert audit_tags == 3 * [("told to", True)]


def test_the_state_of_a_flow_run_has_the_outcome(prefect: str, coldpress: Coldpress) -> None:
    assert promote_flow("trec/1", "told to", return_state=True).message == (
        "trec/1 is the champion (audit 1)"
    )
    promote_flow("trec/2", "told to", return_state=True)
    assert rollback_flow("trec", "told to", return_state=True).message == (
        "trec/1 is the champion, trec/2 is previous (audit 3)"
    )


def failure_message(flow: Flow[..., Any], parameters: dict[str, Any]) -> str:
    """Run a flow with these parameters, and return why it failed."""
    state = cast("State[Any]", flow(**parameters, return_state=True))
    assert state.is_failed()
    return str(state.message)


def test_an_invalid_model_in_a_form_fails_with_a_message(
    prefect: str, coldpress: Coldpress
) -> None:
    assert failure_message(rollback_flow, {"model": "trec/1", "reason": "x"}).endswith(
        "model: must be a name alone, such as trec, not 'trec/1'"
    )
    assert failure_message(watch_registry, {"models": ["trec", "terc"]}).endswith(
        "model: no terc in the registry"
    )
    assert audit.all_tickets("trec") == []


@pytest.mark.parametrize(
    ("flow", "parameters", "field"),
    [
        (collect_garbage, {"keep": -1}, "keep"),
        (promote_flow, {"model": "trec/1", "reason": ""}, "reason"),
        (promote_flow, {"model": "trec/1", "reason": "x", "seconds_to_answer": -5}, "seconds"),
    ],
)
def test_the_form_has_the_bounds_of_the_parameters(
    flow: Flow[..., Any], parameters: dict[str, Any], field: str
) -> None:
    schema = parameter_schema(flow.fn).model_dump()
    with pytest.raises(ValidationError, match=field):
        validate(parameters, schema, raise_on_error=True)


def test_a_failed_run_stores_no_pickle(prefect: str, coldpress: Coldpress, tmp_path: Path) -> None:
    """Prefect keeps the error of a failed run in a file."""
    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: tmp_path / "kept"}):
        failure_message(rollback_flow, {"model": "trec/1", "reason": "x"})
    (file,) = (tmp_path / "kept").iterdir()
    error = json.loads(file.read_text())
    assert error["message"] == "model: must be a name alone, such as trec, not 'trec/1'"


def test_promoting_a_refused_version_exits_with_1_and_one_line(
    prefect: str, coldpress: Coldpress
) -> None:
    words = ("promote", "trec/3", "--reason", "told to")
    result = coldpress(*words, also={"PREFECT_API_URL": prefect})
    reason = "trec/3 was refused by its gate: Too slow. (and 1 more)"
    message = f"coldpress: {reason}; promote anyway with --force"
    assert (result.code, lines(result.error), result.output) == (1, [message], "")
    assert (
        audit.all_tickets("trec")[-1].tags["who"] == f"{getpass.getuser()}@{socket.gethostname()}"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("promote", "trec/9", "--reason", "x"), "model: no trec/9 in the registry"),
        (("promote", "trec/1"), 'Command "promote" parameter --reason requires an argument.'),
        (
            ("rollback", "trec", "--reason", "x"),
            "model: trec has no previous champion to roll back to",
        ),
        (("gc", "--keep", "-1"), "--keep: -1 is less than 0"),
    ],
)
def test_wrong_input_is_one_line_and_needs_no_prefect(
    coldpress: Coldpress, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "prefect.py").write_text("raise ImportError('imported')")
    result = coldpress(*words, also={"PYTHONPATH": str(tmp_path / "broken")})
    assert (result.code, lines(result.error)) == (2, [f"coldpress: {message}"])


def test_gc_shows_what_would_go_and_then_lets_it_go(prefect: str, coldpress: Coldpress) -> None:
    def fates(*words: str) -> dict[str, str]:
        result = coldpress("gc", "--keep", "1", *words, also={"PREFECT_API_URL": prefect})
        assert result.code == 0, result.error
        rows = [line.split() for line in result.output.splitlines() if "trec/" in line]
        return {row[0]: " ".join(row[3:]) for row in rows}

    promote("1")
    expected = {"trec/1": "alias champion", "trec/3": "one of the newest 1"}
    assert fates("--dry-run") == {**expected, "trec/2": "would be removed"}
    assert fates() == {**expected, "trec/2": "removed"}
    assert [h.name for h in retention.plan_collection(1)] == ["trec/1", "trec/3"]


def promote_with_approval() -> tuple[Future[Any], ThreadPoolExecutor]:
    """Start a promotion of trec/2 that asks a person."""
    pool = ThreadPoolExecutor(1)
    context = contextvars.copy_context()

    def start() -> Any:  # noqa: ANN401
        return promote_flow("trec/2", "faster", ask=True, return_state=True)

    return pool.submit(context.run, start), pool


def paused() -> FlowRun:
    """Wait for the run that waits for a person."""
    until = time.monotonic() + 60
    with get_client(sync_client=True) as client:
        while time.monotonic() < until:
            runs = client.read_flow_runs()
            waiting = [run for run in runs if run.state and run.state.is_paused()]
            if waiting:
                return waiting[0]
            time.sleep(0.2)
    raise TimeoutError("no flow run is paused")


@pytest.mark.parametrize(
    ("approve", "expected"), [(True, ("2", "1")), (False, ("1", None))], ids=["yes", "no"]
)
def test_a_person_decides_in_prefect(
    prefect: str, coldpress: Coldpress, approve: bool, expected: tuple[str, str | None]
) -> None:
    promote("1")
    result, pool = promote_with_approval()
    run = paused()
    assert run.state is not None
    assert audit.open_tickets("trec") == []  # nobody waits for a turn while a person thinks
    resume_flow_run(UUID(str(run.id)), run_input={"approve": approve, "reason": "seen it"})
    state = result.result(timeout=60)
    pool.shutdown()
    assert (state.name, named()) == ("Completed" if approve else "Refused", expected)
    last = audit.all_tickets("trec")[-1]
    assert (last.state, last.tags["flow_run_id"]) == (
        "done" if approve else "refused",
        str(run.id),
    )
    outcome = last.tags["approval"] if approve else last.tags["outcome"]
    assert outcome == (
        "approved in Prefect: seen it" if approve else "trec/2: not approved: seen it"
    )


def test_a_promotion_without_an_answer_is_refused(prefect: str, coldpress: Coldpress) -> None:
    promote("1")
    state = promote_flow("trec/2", "faster", ask=True, seconds_to_answer=1, return_state=True)
    assert (state.name, state.message) == (
        "Refused",
        "trec/2: nobody approved it within 1 s",
    )
    assert (audit.all_tickets("trec")[-1].state, named()) == ("refused", ("1", None))


def test_a_champion_moved_by_hand_is_reverted_once(prefect: str, coldpress: Coldpress) -> None:
    promote("1")
    promote("2")
    tracking.client().set_registered_model_alias("trec", "champion", "3")
    (record,) = watch_registry(policy="revert")
    assert (record.tags["intent"], named()) == ("revert", ("2", "1"))
    assert watch_registry(policy="revert") == []
