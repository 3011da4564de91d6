"""Section `placement`: Prefect work pools whose workers run single stages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from coldpress.schema.section import FlatChoice, Section
from coldpress.schema.stages import STAGES, Stage
from coldpress.teacher.spec import Teacher

if TYPE_CHECKING:
    from coldpress.recipe.recipe import Recipe

_PoolName = Annotated[
    str,
    # Prefect allows no other name, and no slash in that of a deployment.
    Field(pattern=r"^[^/%&<>]+$", max_length=100, description="Name of a Prefect work pool."),
]
_Pool = Annotated[_PoolName | None, FlatChoice()]
_SECTIONS = {
    "distill_student": "distill",
    "prune": "prune",
    "quantize": "quantize",
    "export_onnx": "export",
}
"""Sections without which a stage is skipped."""


class Placement(Section):
    """Work pools of stages; a stage without one runs in the process of the run itself."""

    train_teacher: _Pool = None
    generate_soft_targets: _Pool = None
    distill_student: _Pool = None
    prune: _Pool = None
    quantize: _Pool = None
    export_onnx: _Pool = None
    evaluate: Annotated[
        _PoolName | Annotated[list[_PoolName], Field(min_length=1)] | None,
        Field(description="One pool, or several: the gate must hold on each."),
        FlatChoice(),
    ] = None

    @model_validator(mode="after")
    def _check_different(self) -> Self:
        if isinstance(self.evaluate, list) and len(set(self.evaluate)) < len(self.evaluate):
            raise ValueError("evaluate: a pool is named twice")
        return self


def stage_pools(recipe: Recipe, stage: Stage) -> tuple[str, ...]:
    """Return the work pools on which a stage runs.

    Args:
        recipe: Any recipe.
        stage: One of its stages.

    Returns:
        Several only for `evaluate`; empty if the stage has none, or the recipe skips the stage.
    """
    if _is_skipped(recipe, stage):
        return ()
    pools: str | list[str] | None = getattr(recipe.placement, stage)
    if pools is None:
        return ()
    return (pools,) if isinstance(pools, str) else tuple(pools)


def placed_stages(recipe: Recipe) -> Iterator[tuple[Stage, str]]:
    """Yield each stage that runs on a work pool, with each of its pools."""
    for stage in STAGES:
        yield from ((stage, pool) for pool in stage_pools(recipe, stage))


def _is_skipped(recipe: Recipe, stage: Stage) -> bool:
    if stage == "train_teacher":
        return not isinstance(recipe.teacher, Teacher)
    section = _SECTIONS.get(stage)
    # An empty list of pruning steps counts as none.
    return section is not None and getattr(recipe, section) in (None, [])
