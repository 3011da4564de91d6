"""Answered requests that wait for the challenger."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.serving.model_slot import ServedModel

MAX_WAITING = 256
"""Requests that wait at most."""
MAX_WAITING_BYTES = 16 * 2**20
"""Bytes of their answers, which contain the texts."""


@dataclass(frozen=True)
class AnsweredRequest:
    """A request and the champion's answer, in memory only until the challenger has answered, too.

    Attributes:
        champion: The model that answered.
        texts: The texts, or the first texts of pairs.
        pairs: The second texts.
        records: The answers.
        seconds: Duration of the prediction.
        size: Bytes of the encoded answer.
    """

    champion: ServedModel
    texts: Sequence[str]
    pairs: Sequence[str] | None
    records: Sequence[dict[str, Any]]
    seconds: float
    size: int


class ShadowQueue:
    """Passes requests from the event loop to the challenger's thread; never blocks the former."""

    def __init__(self) -> None:
        self._waiting: deque[AnsweredRequest] = deque()
        self._size = 0
        self._condition = threading.Condition()

    def put(self, request: AnsweredRequest) -> bool:
        """Add a request.

        Args:
            request: Answered by the champion.

        Returns:
            False if it was dropped, because too many or too large requests wait.
        """
        with self._condition:
            full = len(self._waiting) >= MAX_WAITING or self._size > MAX_WAITING_BYTES
            if not full:
                self._waiting.append(request)
                self._size += request.size
                self._condition.notify()
        return not full

    def get(self, timeout: float) -> AnsweredRequest | None:
        """Take the oldest request.

        Args:
            timeout: Seconds to wait for one.

        Returns:
            None if there is none.
        """
        with self._condition:
            if not self._waiting and not self._condition.wait_for(self._has_request, timeout):
                return None
            request = self._waiting.popleft()
            self._size -= request.size
            return request

    def _has_request(self) -> bool:
        return bool(self._waiting)
