"""Delete files of versions that have no alias, no kept descendant, no open run, and are not new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from coldpress.schema.stages import REGISTERED_SUFFIX
from tasks.environment import processes, shard_folders
from tasks.promotion import audit
from tasks.promotion.ancestors import Ancestry
from tasks.promotion.audit import Request
from tasks.promotion.queue import acquire_lease
from tasks.promotion.stored_files import (
    OUTSIDE_HOME,
    SHARDS_URI,
    StoredFiles,
    stored_shards,
    stored_soft_targets,
)
from tasks.tracking import artifacts, history, runs
from tasks.tracking.paging import all_pages
from tasks.tracking.retry import retry_on_conflict


def plan_collection(keep: int) -> list[StoredFiles]:
    """List all stored files and decide which may be deleted.

    Two versions can share one model if a recipe reused the model of another; its files are kept if
    either version is.

    Args:
        keep: Number of newest versions to keep of each registered model.

    Returns:
        By name and version, each with its reason; soft targets are deleted with their teacher,
        or without a teacher with the models made from them.
    """
    versions = _stage_versions()
    digested = [version for version in versions if "digest" in version.tags]
    sizes = {str(v.source): artifacts.stored_bytes(str(v.source)) for v in digested}
    present = [version for version in digested if sizes[str(version.source)]]
    reasons: dict[str, str] = {}
    for uri, reason in _retention_reasons(versions, present, keep):
        reasons.setdefault(uri, reason)
    stored_files = [
        StoredFiles(name=_reference(v), uri=uri, bytes=sizes[uri], kept=reasons.get(uri))
        for v in present
        for uri in [str(v.source)]
    ]
    return [*stored_files, *stored_soft_targets(digested, reasons), *stored_shards()]


def collect(keep: int, requester: str, flow_run_id: str | None = None) -> list[StoredFiles]:
    """Delete the files that may be deleted while no promotion is in progress; records stay.

    Args:
        keep: See `plan_collection`.
        requester: Recorded in the audit.
        flow_run_id: Id of the Prefect flow run.

    Returns:
        All stored files; those without a reason to be kept were deleted.
    """
    with ExitStack() as leases:
        tickets = []
        for model in _deployable_models():  # always in the same order, to avoid a deadlock
            why = f"keep the newest {keep}"
            request = Request(
                model=model, intent="collect", who=requester, why=why, flow_run_id=flow_run_id
            )
            tickets.append(leases.enter_context(acquire_lease(request)))
        stored_files = plan_collection(keep)
        for uri in {files.uri for files in stored_files if files.kept is None}:
            for _, lease in tickets:
                lease.check()
            _remove(uri)
        removed = [files.name for files in stored_files if files.kept is None]
        for ticket, _ in tickets:
            audit.close_ticket(ticket, "done", {"removed": ", ".join(removed) or "nothing"})
    return stored_files


def _remove(uri: str) -> None:
    if uri.startswith(SHARDS_URI):
        shard_folders.remove_shards(uri.removeprefix(SHARDS_URI))
    else:
        artifacts.remove_files(uri)


def _stage_versions() -> list[ModelVersion]:
    """Return all versions that a stage registered, even if some of their tags were deleted."""
    versions = all_pages(runs.client().search_model_versions, "", 1000)
    tagged = (v for v in versions if {"digest", "stage"} & v.tags.keys())
    own = (v for v in tagged if str(v.source).startswith("models:/m-"))
    return sorted(own, key=lambda version: (version.name, int(version.version)))


def _deployable_models() -> list[str]:
    """Return the models that can have a champion, whose ancestors a promotion must not lose."""
    return sorted({str(v.name) for v in _stage_versions() if v.tags.get("stage") == "export_onnx"})


def _reference(version: ModelVersion) -> str:
    return f"{version.name}/{version.version}"


def _retention_reasons(
    versions: list[ModelVersion], present: list[ModelVersion], keep: int
) -> Iterator[tuple[str, str]]:
    """Yield (URI, reason), the strongest reasons first."""
    aliased = list(_versions_with_alias(versions))
    yield from ((str(version.source), reason) for version, reason in aliased)
    yield from _ancestor_reasons([version for version, _ in aliased], versions)
    open_run_reasons = list(_open_run_reasons(versions))
    yield from open_run_reasons
    in_use = {uri for uri, _ in open_run_reasons}
    yield from _ancestor_reasons([v for v in versions if str(v.source) in in_use], versions)
    by_model: dict[str, list[ModelVersion]] = {}
    for version in present:
        by_model.setdefault(str(version.name), []).append(version)
    for oldest_first in by_model.values():
        newest = oldest_first[::-1][:keep]
        yield from ((str(v.source), f"one of the newest {keep}") for v in newest)
    yield from (
        (str(v.source), OUTSIDE_HOME) for v in present if artifacts.is_outside_home(str(v.source))
    )


def _versions_with_alias(versions: list[ModelVersion]) -> Iterator[tuple[ModelVersion, str]]:
    """Yield versions that an alias or an open ticket refers to, with the reason."""
    for name in {str(version.name) for version in versions}:
        model = retry_on_conflict(partial(runs.client().get_registered_model, name))
        reasons = {str(number): f"alias {alias}" for alias, number in model.aliases.items()}
        for ticket in audit.open_tickets(name):
            for role in ("target", "to", "previous", "from"):
                reasons.setdefault(ticket.tags.get(role, ""), f"ticket {ticket.number} is open")
        for version in versions:
            if version.name == name and str(version.version) in reasons:
                yield version, reasons[str(version.version)]


def _ancestor_reasons(
    descendants: list[ModelVersion], versions: list[ModelVersion]
) -> Iterator[tuple[str, str]]:
    """Yield the ancestors up to the teacher, across recipes.

    If the parents of a digest are unknown, any model that is not an ONNX export may be an ancestor,
    so all of them are kept.
    """
    ancestry = Ancestry(versions)
    guesses: list[tuple[str, str]] = []
    for descendant in descendants:
        digests, unknown = ancestry.ancestors(descendant)
        for version in versions:
            if version.tags.get("digest") in digests:
                yield str(version.source), f"ancestor of {_reference(descendant)}"
            elif unknown is not None and version.tags.get("stage") != "export_onnx":
                reason = (
                    f"may be an ancestor of {_reference(descendant)}: no record of {unknown[:12]}"
                )
                guesses.append((str(version.source), reason))
    yield from guesses


def _open_run_reasons(versions: list[ModelVersion]) -> Iterator[tuple[str, str]]:
    """Yield the files used by open runs, and all of their recipes, which they may use next."""
    for run in history.find_runs("attributes.status = 'RUNNING'"):
        if processes.is_gone(run.data.tags.get("coldpress.process")):
            continue
        recipe = runs.client().get_experiment(run.info.experiment_id).name
        reason = f"a run of {recipe} is open"
        names = {recipe + suffix for suffix in REGISTERED_SUFFIX.values()}
        yield from ((str(v.source), reason) for v in versions if v.name in names)
        yield from ((uri, reason) for uri in _uris_of_run(run))


def _uris_of_run(run: Run) -> Iterator[str]:
    """Yield the outputs of a flow run's stages and those stored under their cache keys."""
    flow_run_id = run.data.tags.get("coldpress.flow_run_id")
    for member in history.runs_of_flow_run(flow_run_id) if flow_run_id else [run]:
        if "coldpress.result" in member.data.tags:
            yield history.result_of(member).model_uri or ""
        if "coldpress.key" in member.data.tags:
            results = history.results_with_key(member.data.tags["coldpress.key"])
            yield from (result.model_uri or "" for result in results)
