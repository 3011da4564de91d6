"""One move at a time: a queue in the registry itself, where every mover can see it.

A lock elsewhere could not guard it: concurrency limits of two Prefect servers know nothing of each
other, and aliases have no compare-and-swap. So whoever holds the lowest open ticket has its turn.
Signs of life are compared with themselves, never with a clock of this machine.
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
"""Seconds without a sign of life, as a follower counts them, until it goes past."""
_HEARTBEAT_INTERVAL = 5.0
_GRACE_PERIOD = 1.0
_MAX_POLL_INTERVAL = 5.0
_QUIET_PERIOD = 2.0
"""Seconds of waiting that need no explanation."""


class LeaseLostError(Exception):
    """This process gave no sign of life for so long that the others may have gone past it."""


class Lease:
    """The signs of life of one ticket, given by a thread of their own.

    Args:
        ticket: An open one of this process.
    """

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket
        self._last = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._give_signs, daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def check(self) -> None:
        """Return if the turn is surely still this process's: no follower can have expired it.

        Raises:
            LostTurnError: It may have passed to another, or has.
        """
        if time.monotonic() - self._last < LEASE_TIMEOUT / 2:
            return
        self._sign()
        time.sleep(_GRACE_PERIOD)  # a follower who had given it up has closed it by then
        if audit.reload_ticket(self._ticket).state != "open":
            raise LeaseLostError(f"ticket {self._ticket.number} was closed by another")

    def _give_signs(self) -> None:
        while not self._over.wait(_HEARTBEAT_INTERVAL):
            try:
                self._sign()
            except MlflowException:
                continue  # the lease runs out by itself, and `check` says so

    def _sign(self) -> None:
        begun = time.monotonic()
        audit.write_tags(self._ticket, {"heartbeat": audit.timestamp()})
        self._last = begun


@contextmanager
def acquire_lease(request: Request) -> Iterator[tuple[Ticket, Lease]]:
    """Have the aliases of one model to oneself for the length of a block.

    Args:
        request: What is wanted.

    Yields:
        The ticket, for the block to close, and its lease.

    Raises:
        LostTurnError: This process was held up for so long that others went past it.
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
    """Free the way for whoever follows; a plan that was sealed is theirs to complete."""
    known = audit.reload_ticket(ticket)
    if known.state != "open" or known.planned:
        return
    refused = isinstance(error, RefusedError | InputError)
    note = str(error) if refused else f"{type(error).__name__}: {error}"
    audit.close_ticket(ticket, "refused" if refused else "expired", {"outcome": note[:5000]})


def run_exclusively(request: Request, decide: Callable[[], AliasChange]) -> Ticket:
    """Carry out one move when its turn has come.

    Args:
        request: What is wanted.
        decide: Looks at the registry and says what the end state is to be, or raises.

    Returns:
        The closed ticket.
    """
    while True:
        try:
            with acquire_lease(request) as (ticket, lease):
                plan = decide()
                lease.check()
                planned = audit.write_tags(ticket, aliases.change_tags(request.model, plan))
                aliases.apply_change(planned, lease.check)
                return audit.close_ticket(planned, "done")
        except LeaseLostError:
            known = audit.reload_ticket(ticket)
            if known.state == "done":
                return known  # whoever followed has completed it


def _is_dead(ticket: Ticket, watch: HeartbeatMonitor) -> bool:
    if processes.is_gone(ticket.tags.get("process")):
        return True
    return watch.silent_for(str(ticket.number), ticket.tags.get("heartbeat", "")) > LEASE_TIMEOUT


def _wait_for_turn(mine: Ticket, lease: Lease) -> None:
    """Return when no living ticket is ahead, and what the dead ones had planned is completed.

    All who wait look at the head of the queue alone, the more rarely the further back they are:
    fifty that read the whole queue would keep the registry from serving the one whose turn it is.
    """
    watch, silent_until = HeartbeatMonitor(), time.monotonic() + _QUIET_PERIOD
    while True:
        head = audit.front(mine.model)
        if head is None or head.number > mine.number:
            raise LeaseLostError(f"ticket {mine.number} was closed by another")
        if head.number == mine.number:
            lease.check()
            return
        if time.monotonic() > silent_until:
            _log_wait(head)
            silent_until = math.inf
        if _is_dead(head, watch):
            _recover_abandoned(mine, watch, lease)
        pause = min(_MAX_POLL_INTERVAL, 0.05 + 0.15 * (mine.number - head.number))
        time.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311


def _log_wait(head: Ticket) -> None:
    owner = head.tags.get("process", "")
    logging.getLogger(__name__).warning(
        "%s: waits for the %s of %s on %s (audit %d, since %s); goes on when that is done, or has"
        " given no sign of life for %.0f s",
        head.model,
        head.tags.get("intent", "move"),
        head.tags.get("who", "somebody"),
        processes.host_of(owner) or "an unknown host",
        head.number,
        head.tags.get("when", "some time"),
        LEASE_TIMEOUT,
    )


def _recover_abandoned(mine: Ticket, watch: HeartbeatMonitor, lease: Lease) -> None:
    """Settle what is left ahead if nobody ahead lives; else it is for them to settle."""
    ahead = [t for t in audit.open_tickets(mine.model) if t.number < mine.number]
    # All of them are asked, since each must be watched from when it was first seen.
    if not [ticket for ticket in ahead if not _is_dead(ticket, watch)]:
        _recover_tickets(ahead, mine, lease)


def _recover_tickets(dead: list[Ticket], mine: Ticket, lease: Lease) -> None:
    """Settle what dead holders left, in their order, until one of them is alive after all.

    Their tickets are read again: the last thing that they did may have come after the queue was
    looked at.
    """
    for seen in dead:
        lease.check()
        left = audit.reload_ticket(seen)
        if left.state != "open":
            continue
        gone = processes.is_gone(left.tags.get("process"))
        if not gone and left.tags["heartbeat"] != seen.tags["heartbeat"]:
            return
        aliases.recover(left, mine)
