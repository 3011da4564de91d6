"""What travels between tasks: references and numbers, never weights."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from coldpress.schema.stages import Stage

Status = Literal["ran", "reused", "skipped", "failed"]


class StageResult(BaseModel):
    """A small record of one stage; it turns into JSON and back unchanged.

    Attributes:
        stage: Which of the seven.
        status: Whether this run made it, found it, passed over it or failed in it.
        model_uri: Where MLflow keeps what was made.
        registered: `name/version` of the registered model, where the stage registers one.
        digest: sha256 of what was made.
        parents: Digests of what it was made from.
        ancestors: Those of its parents, of theirs, and so on; empty in records of older versions.
        metrics: What the stage measured.
        seconds: What it took in this run.
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

    def passed_over(self, stage: Stage) -> StageResult:
        """Hand this stage's model on as that of a later stage which the recipe leaves out."""
        kept = {"stage": stage, "status": "skipped", "registered": None, "seconds": 0.0}
        return self.model_copy(update={**kept, "metrics": {}, "run_id": None})
