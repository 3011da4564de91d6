"""The routes of the service."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from coldpress.cpu import available_processors
from flows.serving import api_page
from flows.serving.allowed_hosts import AllowedHosts
from flows.serving.bearer_token import check_token
from flows.serving.dispatch import Dispatcher, Endpoint
from flows.serving.limits import RequestError, RequestLimit, parse_body, read_body
from flows.serving.metrics import Metrics
from flows.serving.model_slot import Answer, ModelSlot, answer
from flows.serving.prediction_threads import PredictionThreads
from flows.serving.responses import JSON, error_response, json_response
from flows.serving.shadow_queue import AnsweredRequest

if TYPE_CHECKING:
    from flows.serving.shadow import Shadow

MODEL_HEADER = "Coldpress-Model"
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def create_application(
    slot: ModelSlot,
    metrics: Metrics,
    token: str | None = None,
    limit: RequestLimit | None = None,
    shadow: Shadow | None = None,
    hosts: AllowedHosts | None = None,
) -> ASGIApp:
    """Create the ASGI application.

    Args:
        slot: The model in use.
        metrics: Counts requests.
        token: The bearer token that requests must carry, except those for health; None if none.
        limit: Of requests at the same time.
        shadow: Compares a challenger on a share of the requests.
        hosts: Names by which clients may address the service.
    """
    limit = limit or RequestLimit()
    service = _Service(slot, metrics, token, limit, shadow, hosts or AllowedHosts())
    return Dispatcher(
        {
            (method, path): service.guard(endpoint, public)
            for path, method, endpoint, public in service.routes()
        }
    )


class _Service:
    """The endpoints, with what they share."""

    def __init__(
        self,
        slot: ModelSlot,
        metrics: Metrics,
        token: str | None,
        limit: RequestLimit,
        shadow: Shadow | None,
        hosts: AllowedHosts,
    ) -> None:
        self._slot = slot
        self._metrics = metrics
        self._token = token
        self._limit = limit
        self._shadow = shadow
        self._hosts = hosts
        self._threads: PredictionThreads[Answer] = PredictionThreads(available_processors())
        self._description: dict[str, Any] = {}

    def routes(self) -> list[tuple[str, str, Endpoint, bool]]:
        """Return path, method, endpoint and whether it needs no token."""
        return [
            ("/predict", "POST", self.predict, False),
            ("/health", "GET", self.health, True),
            ("/ready", "GET", self.ready, True),
            ("/model", "GET", self.model, False),
            ("/metrics", "GET", self.metrics, False),
            ("/openapi.json", "GET", self.openapi_json, False),
            ("/docs", "GET", self.docs, False),
        ]

    def guard(self, endpoint: Endpoint, public: bool) -> Endpoint:
        """Check host and token before an endpoint, and respond with one line to a refusal."""

        async def guarded(request: Request) -> Response:
            try:
                self._hosts.check(request)
                check_token(request, None if public else self._token)
                return await endpoint(request)
            except RequestError as error:
                self._metrics.rejections.labels(str(error.status)).inc()
                return error_response(error.status, str(error), error.headers)

        return guarded

    async def predict(self, request: Request) -> Response:
        """Predict for texts or pairs of texts.

        The response names the version that answered, in `model` and in the header
        `Coldpress-Model`. A ranking model sorts several second texts of a single query.
        """
        began = time.perf_counter()
        with self._limit.admit(), self._metrics.running.track_inprogress():
            try:
                body = await read_body(request)
            except ClientDisconnect as error:
                raise RequestError(400, "the request ended before its body") from error
            texts, pairs = parse_body(body)
            # From here to the response the request uses this model, whatever replaces it.
            model = self._slot.model
            try:
                reply = await self._threads.run(partial(answer, model, texts, pairs))
            except ValueError as error:
                raise RequestError(400, str(error)) from error
        self._metrics.count(model, len(pairs or texts), time.perf_counter() - began)
        headers = {MODEL_HEADER: model.reference}
        response = Response(reply.content, media_type=JSON, headers=headers)
        if self._shadow is not None and self._shadow.selects():
            size = len(reply.content)
            answered = AnsweredRequest(model, texts, pairs, reply.records, reply.seconds, size)
            response.background = BackgroundTask(self._offer, answered)  # runs when it was sent
        return response

    async def _offer(self, request: AnsweredRequest) -> None:
        if self._shadow is not None:
            self._shadow.offer(request)

    async def health(self, _: Request) -> Response:
        """Show that the process responds."""
        return json_response({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """Show the model in use, and why the alias is not followed, if so.

        The status is 200 in either case, since the model in use answers.
        """
        state = {"model": self._slot.model.reference, "problem": self._slot.problem}
        shadow = self._shadow
        if shadow is None:
            return json_response(state)
        challenger = shadow.state()
        return json_response(
            state | {"shadow": {key: challenger[key] for key in ("model", "problem")}}
        )

    async def model(self, _: Request) -> Response:
        """Describe the model in use."""
        model = self._slot.model
        shadow = {"shadow": self._shadow.state()} if self._shadow is not None else {}
        return json_response(
            {
                "model": model.reference,
                "name": model.name,
                "version": model.version,
                "digest": model.digest,
                "verdict": model.verdict,
                "since": model.since,
                "kind": model.predictor.kind,
                "pairs": model.predictor.pairs,
                **shadow,
            }
        )

    async def metrics(self, _: Request) -> Response:
        """Return metrics for Prometheus."""
        content = self._metrics.exposition()
        return Response(content, headers={"Content-Type": _METRICS_TYPE})

    async def openapi_json(self, _: Request) -> Response:
        """Return the description of this interface, in the format of OpenAPI."""
        return json_response(await asyncio.to_thread(self._describe))

    async def docs(self, _: Request) -> Response:
        """Show the description of this interface as a page."""
        page = api_page.render(await asyncio.to_thread(self._describe))
        return Response(page, media_type="text/html")

    def _describe(self) -> dict[str, Any]:
        if not self._description:
            from flows.serving.openapi import describe

            self._description = describe(route[:3] for route in self.routes())
        return self._description
