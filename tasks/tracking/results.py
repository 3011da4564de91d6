"""Stage results: the references and numbers passed between tasks, never weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from coldpress.schema.stages import Stage

Status = Literal["ran", "reused", "skipped", "failed"]


class StageResult(BaseModel):
    """The result of one stage, which survives a round trip through JSON.

    Attributes:
        stage: One of the seven stages.
        status: `ran`, `reused` (an earlier result with the same cache key), `skipped` or `failed`.
        model_uri: MLflow URI of the output.
        registered: `name/version` of the registered model, if the stage registers one.
        digest: sha256 of the output.
        parents: Digests of the inputs.
        ancestors: Digests of the parents, their parents, and so on; empty in records of older
            versions of Coldpress.
        metrics: Numbers measured by the stage.
        seconds: Duration in this run.
        run_id: The stage's MLflow run.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    stage: Stage
    status: Status
    model_uri: str | None = None
    registered: str | None = None
    digest: str | None = None
    parents: tuple[str, ...] = ()
    ancestors: tuple[str, ...] = ()
    metrics: dict[str, float] = {}
    seconds: float = 0.0
    run_id: str | None = None

    def skipped_as(self, stage: Stage) -> StageResult:
        """Return this stage's model as the result of a later stage that the recipe skips."""
        update = {"stage": stage, "status": "skipped", "registered": None, "seconds": 0.0}
        return self.model_copy(update={**update, "metrics": {}, "run_id": None})


def final_model(models: Sequence[StageResult]) -> StageResult:
    """Return the last model that is not skipped: the ONNX file, or a checkpoint without export.

    Args:
        models: In the order of the stages.
    """
    return next(model for model in reversed(models) if model.status != "skipped")
