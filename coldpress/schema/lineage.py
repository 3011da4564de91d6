"""Lineage of a model, back to its teacher and dataset."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict


class Ancestor(BaseModel):
    """A model or dataset in the lineage of a deployed model.

    Attributes:
        stage: The stage that created it, or `dataset`.
        name: `name/version` of a registered model; otherwise its id.
        digest: sha256 of its content.
        metrics: Metrics that its stage recorded.
        seconds: Duration of its stage when it ran.
        run: URL of its MLflow run.
        parents: The models and datasets that it was created from.
        missing: Why the lineage ends here, such as a deleted run; None if it is complete.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    name: str
    digest: str
    metrics: dict[str, float] = {}
    seconds: float | None = None
    run: str | None = None
    parents: tuple[Ancestor, ...] = ()
    missing: str | None = None

    def walk(self) -> Iterator[Ancestor]:
        """Yield this node, then its ancestors depth-first."""
        yield self
        for parent in self.parents:
            yield from parent.walk()
