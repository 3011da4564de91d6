"""What a model was made from, back to the teacher and the dataset."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict


class Ancestor(BaseModel):
    """One model, or a dataset, in the tree above a deployed model.

    Attributes:
        stage: The stage that made it, or `dataset`.
        name: `name/version` of a registered model, or what else it is called.
        digest: sha256 of its content.
        metrics: What its stage measured.
        seconds: What its stage took when it ran.
        run: Address of its MLflow run.
        parents: What it was made from.
        missing: What is not on record any more, so that the tree ends here; None where nothing is.
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
        """Go through the tree, a model before what it was made from.

        Yields:
            This node first.
        """
        yield self
        for parent in self.parents:
            yield from parent.walk()
