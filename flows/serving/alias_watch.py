"""Follow an alias: load the version that it names, and put it in the place of the one in use."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from flows.serving.alias_metrics import AliasMetrics
from flows.serving.model_slot import ChallengerSlot, ModelSlot, ServedModel

POLL_SECONDS = 2.0
_LONGEST_WAIT = 60.0
"""Seconds until a version that could not be loaded is tried again, at most."""
_LOG = logging.getLogger("coldpress.serving")


class _Numbered(Protocol):
    @property
    def version(self) -> int | str: ...


Candidate = TypeVar("Candidate", bound=_Numbered)


@dataclass
class _Failure:
    """The version that could not be loaded, and when to try it again."""

    number: int
    message: str
    wait: float
    retry_at: float


@dataclass
class AliasWatch(Generic[Candidate]):
    """Compares the alias with the version in use, and exchanges the model if they differ.

    Attributes:
        slot: Receives models and problems.
        metrics: Count swaps and failures.
        find: Returns the version that the alias names.
        load: Loads, verifies and warms up a version.
    """

    slot: ModelSlot | ChallengerSlot
    metrics: AliasMetrics
    find: Callable[[], Candidate]
    load: Callable[[Candidate], ServedModel]
    _failure: _Failure | None = field(default=None, init=False)

    def run(self, stop: threading.Event) -> None:
        """Check the alias every few seconds until `stop` is set; at once if there is no model."""
        if self.slot.model is None:
            self.check()
        while not stop.wait(POLL_SECONDS):
            self.check()

    def check(self) -> None:
        """Check the alias once; whatever fails, the model in use stays."""
        try:
            problem = self._follow()
        except Exception as error:
            problem = _one_line(error)
        if problem and problem != self.slot.problem:
            _LOG.warning("%s is still %s: %s", self._reference(), self.slot.role, problem)
        self.slot.problem = problem
        self.metrics.show_problem(problem)

    def _follow(self) -> str | None:
        """Load and swap in the alias's version if it is another; return why it could not be."""
        version = self.find()
        number = int(version.version)
        if self.slot.model is not None and number == self.slot.model.version:
            self._failure = None
            return None
        failure = self._failure if self._failure and self._failure.number == number else None
        if failure and time.monotonic() < failure.retry_at:
            return failure.message
        try:
            self._swap(self.load(version))
        except Exception as error:
            self._failure = _next_failure(number, _one_line(error), failure)
            return self._failure.message
        self._failure = None
        return None

    def _swap(self, model: ServedModel) -> None:
        before = self._reference()
        self.slot.model = model
        self.metrics.show_model(model)
        self.metrics.swaps.inc()
        role = self.slot.role
        _LOG.info("%s is %s; before, it was %s", model.reference, role, before)

    def _reference(self) -> str:
        return self.slot.model.reference if self.slot.model is not None else "none"


def _next_failure(number: int, message: str, last: _Failure | None) -> _Failure:
    wait = min(_LONGEST_WAIT, 2 * last.wait) if last else POLL_SECONDS
    return _Failure(number, message, wait, time.monotonic() + wait)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
