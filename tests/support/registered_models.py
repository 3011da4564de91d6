"""Registered models with files of a few bytes: what is moved is an alias, whatever it names."""

from __future__ import annotations

import itertools
from pathlib import Path

from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from tasks.promotion import aliases
from tasks.promotion import promote as promotion
from tasks.promotion.audit import Request, Ticket
from tasks.tracking import artifacts, registry, runs

_COUNT = itertools.count()


def version(
    place: Path,
    model: str = "trec",
    stage: str = "export_onnx",
    made_of: str = "",
    **tags: str,
) -> str:
    """Register one more version of a model, with a digest of its own, and return its digest."""
    number = next(_COUNT)
    folder = place / f"made-{number}"
    with new_checkpoint(
        folder / "checkpoint", Manifest(stage=stage, parents=tuple(made_of.split()))
    ) as aside:
        (aside / "model.onnx").write_text(f"{model} {number}")
    return register(folder / "checkpoint", folder, model, stage, **tags)


def register(checkpoint: Path, place: Path, model: str, stage: str, **tags: str) -> str:
    """Register a checkpoint as one more version of a model, and return its digest."""
    digest = Checkpoint.open(checkpoint).digest
    run_id = runs.open_run(runs.ensure_experiment("trec"), stage, {})
    packed = artifacts.package_torch(checkpoint, place / "packed")
    uri = artifacts.log_model(run_id, model, packed, stage)
    runs.client().set_terminated(run_id)
    registry.register(model, uri, run_id, {"stage": stage, "digest": digest, **tags})
    return digest


def passed(place: Path, count: int) -> None:
    """Register versions of trec that passed their gate."""
    for _ in range(count):
        version(place, gate="passed")


def promote(target: str, *, forced: bool = False) -> Ticket:
    """Promote a version of trec."""
    return promotion.promote(
        Request(
            model="trec",
            intent="promote",
            who="anna@here",
            why="better",
            target=target,
            forced=forced,
        )
    )


def rollback() -> Ticket:
    """Roll trec back."""
    return promotion.rollback(
        Request(model="trec", intent="rollback", who="anna@here", why="worse")
    )


def named() -> tuple[str | None, str | None]:
    """Return the champion and the previous version of trec."""
    champions = aliases.read_aliases("trec")
    return champions.champion, champions.previous
