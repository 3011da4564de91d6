"""Run a flow in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, cast

from tasks.environment import deferred_signals

if TYPE_CHECKING:
    from prefect import Flow, State
    from prefect.client.schemas.objects import FlowRun


def start_flow(
    flow: Flow[..., Any],
    on_start: Callable[[str], None],
    arguments: Sequence[object] = (),
    parameters: Mapping[str, Any] | None = None,
) -> State[Any]:
    """Run a flow, and return its final state.

    Args:
        flow: Not changed.
        on_start: Called with the id of the flow run when it begins.
        arguments: By position.
        parameters: By name.
    """

    def report(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001
        on_start(str(flow_run.id))
        deferred_signals.reinstall_handlers()

    observed = copy(flow)  # `with_options` would generate the schema of its form again
    observed.on_running_hooks = [report]
    return cast("State[Any]", observed(*arguments, **(parameters or {}), return_state=True))
