"""Threads that predict for the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeVar

Result = TypeVar("Result")
_Task = tuple["asyncio.Future[Result]", Callable[[], Result]]


class PredictionThreads(Generic[Result]):
    """A pool whose hand-over takes less time than that of the standard library's executor.

    It does nothing but run functions and return their results: neither is a task cancelled, nor are
    threads joined at exit.
    """

    def __init__(self, count: int) -> None:
        """Start the threads.

        Args:
            count: Number of functions that run at the same time.
        """
        self._tasks: SimpleQueue[_Task[Result]] = SimpleQueue()
        for number in range(count):
            name = f"predict-{number}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def run(self, function: Callable[[], Result]) -> asyncio.Future[Result]:
        """Run a function in a thread.

        Args:
            function: What it returns or raises becomes that of the future.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._tasks.put((future, function))
        return future

    def _work(self) -> None:
        while True:
            future, function = self._tasks.get()
            try:
                deliver = partial(_set_result, future, function())
            except Exception as error:
                deliver = partial(_set_exception, future, error)
            with suppress(RuntimeError):  # the loop is closed: the service ends
                future.get_loop().call_soon_threadsafe(deliver)
            del future, function, deliver


def _set_result(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():  # cancelled at the end of the service
        future.set_result(result)


def _set_exception(future: asyncio.Future[Result], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
