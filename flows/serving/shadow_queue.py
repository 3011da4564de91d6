"""Answered requests that wait for the challenger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
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
        self._waiting: SimpleQueue[AnsweredRequest] = SimpleQueue()
        # Each is changed by one thread only.
        self._size_put = 0
        self._size_taken = 0

    def put(self, request: AnsweredRequest) -> bool:
        """Add a request.

        Args:
            request: Answered by the champion.

        Returns:
            False if it was dropped, because too many or too large requests wait.
        """
        size = self._size_put - self._size_taken
        if self._waiting.qsize() >= MAX_WAITING or size > MAX_WAITING_BYTES:
            return False
        self._size_put += request.size
        self._waiting.put(request)
        return True

    def get(self, timeout: float) -> AnsweredRequest | None:
        """Take the oldest request.

        Args:
            timeout: Seconds to wait for one.

        Returns:
            None if there is none.
        """
        try:
            request = self._waiting.get(timeout > 0, timeout)
        except Empty:
            return None
        self._size_taken += request.size
        return request

    def __len__(self) -> int:
        return self._waiting.qsize()
