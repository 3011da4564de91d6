"""Serialize alias moves with a queue of tickets in the registry, visible to every process.

Another lock would not do: concurrency limits of two Prefect servers are independent, and aliases
have no compare-and-swap. The lowest open ticket holds the lease. Heartbeats are only compared with
earlier heartbeats, never with the local clock.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException

from coldpress.errors import InputError, RefusedError
from tasks.environment import processes
from tasks.environment.heartbeat import HeartbeatMonitor
from tasks.promotion import aliases, audit
from tasks.promotion.aliases import AliasChange
from tasks.promotion.audit import Request, Ticket

LEASE_TIMEOUT = 20.0
"""Seconds without a new heartbeat, as counted by a waiting process, until a ticket expires."""
_HEARTBEAT_INTERVAL = 5.0
_GRACE_PERIOD = 1.0
_MAX_POLL_INTERVAL = 5.0
_QUIET_PERIOD = 2.0
"""Seconds of waiting before a message is logged."""


class LeaseLostError(Exception):
    """This process sent no heartbeat for so long that another one may have taken the lease."""


class Lease:
    """Sends heartbeats for a ticket in a thread.

    Args:
        ticket: An open ticket of this process.
    """

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket
        self._last_heartbeat = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_heartbeats, daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def check(self) -> None:
        """Return only if this process certainly still holds the lease.

        Raises:
            LeaseLostError: The lease has expired or may have.
        """
        if time.monotonic() - self._last_heartbeat < LEASE_TIMEOUT / 2:
            return
        self._send_heartbeat()
        time.sleep(_GRACE_PERIOD)  # time for a waiting process that expired the ticket to close it
        if audit.reload_ticket(self._ticket).state != "open":
            raise LeaseLostError(f"ticket {self._ticket.number} was closed by another process")

    def _send_heartbeats(self) -> None:
        while not self._stop.wait(_HEARTBEAT_INTERVAL):
            try:
                self._send_heartbeat()
            except MlflowException:
                continue  # in a longer outage the lease expires, which `check` reports

    def _send_heartbeat(self) -> None:
        start = time.monotonic()
        audit.write_tags(self._ticket, {"heartbeat": audit.timestamp()})
        self._last_heartbeat = start


@contextmanager
def acquire_lease(request: Request) -> Iterator[tuple[Ticket, Lease]]:
    """Hold the lease on a model's aliases while a block executes.

    Args:
        request: The requested move.

    Yields:
        The ticket, which the block must close, and its lease.

    Raises:
        LeaseLostError: This process was suspended for so long that the lease expired.
    """
    ticket = audit.enqueue(request)
    with Lease(ticket) as lease:
        try:
            _wait_for_turn(ticket, lease)
            yield ticket, lease
        except BaseException as error:
            _release(ticket, error)
            raise


def _release(ticket: Ticket, error: BaseException) -> None:
    """Release the queue after an error; a committed plan is left for the next holder to finish."""
    current = audit.reload_ticket(ticket)
    if current.state != "open" or current.has_plan:
        return
    is_refusal = isinstance(error, RefusedError | InputError)
    outcome = str(error) if is_refusal else f"{type(error).__name__}: {error}"
    audit.close_ticket(ticket, "refused" if is_refusal else "expired", {"outcome": outcome[:5000]})


def run_exclusively(request: Request, decide: Callable[[], AliasChange]) -> Ticket:
    """Carry out one move while holding the lease.

    Args:
        request: The requested move.
        decide: Reads the registry and returns the change to apply, or raises.

    Returns:
        The closed ticket.
    """
    while True:
        try:
            with acquire_lease(request) as (ticket, lease):
                plan = decide()
                lease.check()
                committed = audit.write_tags(ticket, aliases.change_tags(request.model, plan))
                aliases.apply_change(committed, lease.check)
                return audit.close_ticket(committed, "done")
        except LeaseLostError:
            current = audit.reload_ticket(ticket)
            if current.state == "done":
                return current  # the next holder has completed the move


def _is_dead(ticket: Ticket, monitor: HeartbeatMonitor) -> bool:
    if processes.is_gone(ticket.tags.get("process")):
        return True
    heartbeat = ticket.tags.get("heartbeat", "")
    return monitor.silent_for(str(ticket.number), heartbeat) > LEASE_TIMEOUT


def _wait_for_turn(mine: Ticket, lease: Lease) -> None:
    """Return when no live ticket is ahead and the plans of dead ones have been completed.

    Waiting processes read only the front of the queue, and less often the further back they are:
    fifty of them reading the whole queue would slow the registry down for the holder of the lease.
    """
    monitor = HeartbeatMonitor()
    log_after = time.monotonic() + _QUIET_PERIOD
    while True:
        head = audit.front(mine.model)
        if head is None or head.number > mine.number:
            raise LeaseLostError(f"ticket {mine.number} was closed by another process")
        if head.number == mine.number:
            lease.check()
            return
        if _is_dead(head, monitor):
            _recover_abandoned(mine, monitor, lease)
        if time.monotonic() > log_after:
            _log_wait(head)
            log_after = math.inf
        pause = min(_MAX_POLL_INTERVAL, 0.05 + 0.15 * (mine.number - head.number))
        time.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311


def _log_wait(head: Ticket) -> None:
    owner = head.tags.get("process", "")
    logging.getLogger(__name__).warning(
        "%s: waits for the %s of %s on %s (audit %d, since %s); continues when that is done or"
        " has sent no heartbeat for %.0f s",
        head.model,
        head.tags.get("intent", "move"),
        head.tags.get("who", "an unknown requester"),
        processes.host_of(owner) or "an unknown host",
        head.number,
        head.tags.get("when", "an unknown time"),
        LEASE_TIMEOUT,
    )


def _recover_abandoned(mine: Ticket, monitor: HeartbeatMonitor, lease: Lease) -> None:
    """Recover the tickets ahead if all their holders are dead; else a live one will do it."""
    ahead = [t for t in audit.open_tickets(mine.model) if t.number < mine.number]
    # A list, not any(): every ticket must be monitored from the first poll.
    if not [ticket for ticket in ahead if not _is_dead(ticket, monitor)]:
        _recover_tickets(ahead, mine, lease)


def _recover_tickets(dead: list[Ticket], mine: Ticket, lease: Lease) -> None:
    """Recover the tickets of dead holders in order; stop if one turns out to be alive.

    Each ticket is read again, since its holder may have written after the queue was read.
    """
    for ticket in dead:
        lease.check()
        current = audit.reload_ticket(ticket)
        if current.state != "open":
            continue
        is_gone = processes.is_gone(current.tags.get("process"))
        if not is_gone and current.tags["heartbeat"] != ticket.tags["heartbeat"]:
            return
        aliases.recover(current, mine)
