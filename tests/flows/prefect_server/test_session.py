from __future__ import annotations

from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.prefect_server import session


def test_a_run_on_a_server_sends_no_heartbeats_that_nobody_asked_for() -> None:
    with session._without_unused_heartbeats():
        assert PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value() is None


def test_a_frequency_of_heartbeats_that_somebody_set_is_kept() -> None:
    with (
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 40}),
        session._without_unused_heartbeats(),
    ):
        assert PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value() == 40
