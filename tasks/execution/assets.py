"""Tell Prefect which registered model a stage made, and from which ones it was made.

The events are those of Prefect's `@materialize`, which cannot be used: its keys are fixed before
the stage runs, and it also reports a stage whose result was reused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect.assets import Asset, AssetProperties
from prefect.context import AssetContext, TaskRunContext
from prefect.events import emit_event

from tasks.tracking import runs, urls
from tasks.tracking.references import LOGGED_MODEL, split_reference
from tasks.tracking.results import StageResult

_TOOL = AssetContext.related_materialized_by("coldpress")


def report_model(result: StageResult, inputs: Sequence[StageResult]) -> None:
    """Emit the events of the model that a stage made, if it runs in a Prefect task.

    Events are sent in the background; one that cannot be sent is lost.

    Args:
        result: Without a registered model, or with a reused one, nothing is emitted.
        inputs: Results that the stage read.
    """
    if result.status != "ran" or result.registered is None or TaskRunContext.get() is None:
        return
    names = dict.fromkeys(filter(None, map(_model_name, inputs)))
    upstream = [Asset(key=_key(name)) for name in names]
    for asset in upstream:
        _emit("prefect.asset.referenced", asset)
    name, _, _ = split_reference(result.registered)
    properties = AssetProperties(name=name, url=urls.version_url(result.registered))
    _emit(
        "prefect.asset.materialization.succeeded",
        Asset(key=_key(name), properties=properties),
        related=[*map(AssetContext.asset_as_related, upstream), _TOOL],
        payload={"version": result.registered, "digest": result.digest, "stage": result.stage},
    )


def _model_name(result: StageResult) -> str | None:
    """Return the registered name of a stage's model; None for soft targets, which are no model."""
    if result.registered is not None:
        return split_reference(result.registered)[0]
    uri = result.model_uri or ""
    if not uri.startswith(LOGGED_MODEL):
        return None
    # The recipe skips that stage: its result is the model of an earlier one, without a version.
    return str(runs.client().get_logged_model(uri.removeprefix("models:/")).name)


def _emit(event: str, asset: Asset, **content: Any) -> None:  # noqa: ANN401
    emit_event(event=event, resource=AssetContext.asset_as_resource(asset), **content)


def _key(model: str) -> str:
    return f"mlflow://models/{model}"
