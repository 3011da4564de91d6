"""The way to an endpoint: unknown paths, the end of the service, threads that predict."""

from __future__ import annotations

import asyncio
import threading

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Scope

from flows.serving.dispatch import Dispatcher
from flows.serving.prediction_threads import PredictionThreads

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/slow", "headers": []}


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_a_request_that_outlives_the_end_of_the_service_gets_503() -> None:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def end_during_request() -> None:
        started = asyncio.Event()

        async def slow(_: Request) -> Response:
            started.set()
            await asyncio.sleep(60)
            return JSONResponse({})

        dispatcher = Dispatcher({("GET", "/slow"): slow})
        task = asyncio.create_task(dispatcher(SCOPE, _no_body, send))
        await started.wait()
        task.cancel()  # as uvicorn does
        await task

    asyncio.run(end_during_request())
    head, body = messages
    assert head["status"] == 503
    assert (b"retry-after", b"1") in head["headers"]
    assert (b"connection", b"close") in head["headers"]
    assert body["body"] == b'{"error": "the service ends; send the request again"}'


def test_other_paths_and_methods_are_refused() -> None:
    heads = []

    async def send(message: Message) -> None:
        if "status" in message:
            heads.append((message["status"], dict(message["headers"]).get(b"allow")))

    async def endpoint(_: Request) -> Response:
        return JSONResponse({}, 200)

    dispatcher = Dispatcher({("GET", "/slow"): endpoint})
    for changed in ({}, {"path": "/other"}, {"method": "POST"}):
        asyncio.run(dispatcher({**SCOPE, **changed}, _no_body, send))
    assert heads == [(200, None), (404, None), (405, b"GET")]


def test_threads_run_as_many_functions_as_they_are_and_return_errors() -> None:
    threads: PredictionThreads[int] = PredictionThreads(2)
    both = threading.Barrier(2)

    def fail() -> int:
        raise ValueError("no such text")

    async def run() -> list[int]:
        results = await asyncio.gather(*(threads.run(lambda: both.wait(10)) for _ in range(2)))
        with pytest.raises(ValueError, match="no such text"):
            await threads.run(fail)
        return results

    assert sorted(asyncio.run(run())) == [0, 1]


def test_a_result_that_nobody_waits_for_any_more_does_not_stop_the_threads() -> None:
    threads: PredictionThreads[int] = PredictionThreads(1)
    proceed = threading.Event()

    async def give_up() -> None:
        threads.run(lambda: int(proceed.wait(10))).cancel()

    async def run() -> int:
        cancelled = threads.run(lambda: int(proceed.wait(10)))
        cancelled.cancel()
        proceed.set()
        return await threads.run(lambda: 7)

    asyncio.run(give_up())  # its loop is closed when the function returns
    assert asyncio.run(run()) == 7
