"""Which versions' files may go: what nobody serves, descends from, works on, or made lately."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial

from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from pydantic import BaseModel, ConfigDict

from coldpress.schema.stages import REGISTERED_SUFFIX
from tasks.environment import processes
from tasks.promotion import audit
from tasks.promotion.ancestors import Ancestry
from tasks.promotion.audit import Request
from tasks.promotion.queue import acquire_lease
from tasks.tracking import artifacts, history, runs
from tasks.tracking.paging import all_pages
from tasks.tracking.retry import retry_on_conflict

_OUTSIDE_HOME = "its files are not in this home"


class StoredFiles(BaseModel):
    """One version, or soft targets, that still has its files.

    Attributes:
        name: `name/version`, or whose soft targets these are.
        uri: Where the files are.
        bytes: What they take.
        kept: Why they stay; None where they may go.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    uri: str
    bytes: int
    kept: str | None = None


def plan_collection(keep: int) -> list[StoredFiles]:
    """Look at every version that has files, and say which may go.

    Two versions can name one model, where one recipe has taken another's over: its files stay if
    either stays.

    Args:
        keep: How many of the newest stay, of each registered model.

    Returns:
        By name and version, each with its reason; soft targets go with their teacher.
    """
    versions = _stage_versions()
    whole = [version for version in versions if "digest" in version.tags]
    sizes = {str(v.source): artifacts.stored_bytes(str(v.source)) for v in whole}
    present = [version for version in whole if sizes[str(version.source)]]
    reasons: dict[str, str] = {}
    for uri, reason in _retention_reasons(versions, present, keep):
        reasons.setdefault(uri, reason)
    held = [
        StoredFiles(name=_reference(v), uri=uri, bytes=sizes[uri], kept=reasons.get(uri))
        for v in present
        for uri in [str(v.source)]
    ]
    return [*held, *_stored_soft_targets(whole, reasons)]


def collect(keep: int, who: str, flow_run_id: str | None = None) -> list[StoredFiles]:
    """Delete the files that may go, with no promotion under way; records and tags stay.

    Args:
        keep: See `holdings`.
        who: Who asked.
        flow_run_id: Prefect's.

    Returns:
        Everything that was looked at; what has no reason to be kept is gone.
    """
    with ExitStack() as turns:
        tickets = []
        for model in _deployable_models():  # in one order, so that two collections do not cross
            why = f"keep the newest {keep}"
            request = Request(
                model=model, intent="collect", who=who, why=why, flow_run_id=flow_run_id
            )
            tickets.append(turns.enter_context(acquire_lease(request)))
        found = plan_collection(keep)
        for uri in {holding.uri for holding in found if holding.kept is None}:
            for _, lease in tickets:
                lease.check()
            artifacts.remove_files(uri)
        gone = [holding.name for holding in found if holding.kept is None]
        for ticket, _ in tickets:
            audit.close_ticket(ticket, "done", {"removed": ", ".join(gone) or "nothing"})
    return found


def _stage_versions() -> list[ModelVersion]:
    """Every version that a stage made, by name and number; somebody may have deleted tags of it."""
    found = all_pages(runs.client().search_model_versions, "", 1000)
    tagged = (v for v in found if {"digest", "stage"} & v.tags.keys())
    made = (v for v in tagged if str(v.source).startswith("models:/m-"))
    return sorted(made, key=lambda version: (version.name, int(version.version)))


def _deployable_models() -> list[str]:
    """The models that can have a champion: a promotion of one must not lose its ancestors."""
    return sorted({str(v.name) for v in _stage_versions() if v.tags.get("stage") == "export_onnx"})


def _reference(version: ModelVersion) -> str:
    return f"{version.name}/{version.version}"


def _retention_reasons(
    versions: list[ModelVersion], present: list[ModelVersion], keep: int
) -> Iterator[tuple[str, str]]:
    """Yield (URI, reason), the strongest reasons first."""
    named = list(_versions_with_alias(versions))
    yield from ((str(version.source), reason) for version, reason in named)
    yield from _ancestor_reasons([version for version, _ in named], versions)
    used = list(_open_run_reasons(versions))
    yield from used
    in_use = {uri for uri, _ in used}
    yield from _ancestor_reasons([v for v in versions if str(v.source) in in_use], versions)
    by_model: dict[str, list[ModelVersion]] = {}
    for version in present:
        by_model.setdefault(str(version.name), []).append(version)
    for known in by_model.values():
        yield from ((str(v.source), f"one of the newest {keep}") for v in known[::-1][:keep])
    yield from (
        (str(v.source), _OUTSIDE_HOME) for v in present if artifacts.is_outside_home(str(v.source))
    )


def _versions_with_alias(versions: list[ModelVersion]) -> Iterator[tuple[ModelVersion, str]]:
    """Versions that an alias names, or an open ticket is about."""
    for name in {str(version.name) for version in versions}:
        known = retry_on_conflict(partial(runs.client().get_registered_model, name))
        reasons = {str(number): f"alias {alias}" for alias, number in known.aliases.items()}
        for ticket in audit.open_tickets(name):
            for role in ("target", "to", "previous", "from"):
                reasons.setdefault(ticket.tags.get(role, ""), f"ticket {ticket.number} is open")
        for version in versions:
            if version.name == name and str(version.version) in reasons:
                yield version, reasons[str(version.version)]


def _ancestor_reasons(
    descendants: list[ModelVersion], versions: list[ModelVersion]
) -> Iterator[tuple[str, str]]:
    """Walk up to the teacher, across recipes.

    Where no record tells what a digest was made from, any model that is no end product may be an
    ancestor: all of them stay.
    """
    descent = Ancestry(versions)
    guesses: list[tuple[str, str]] = []
    for descendant in descendants:
        digests, unknown = descent.ancestors(descendant)
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
    """What open runs have touched, and all of their recipes: they may be about to."""
    for run in history.find_runs("attributes.status = 'RUNNING'"):
        if processes.is_gone(run.data.tags.get("coldpress.process")):
            continue
        recipe = runs.client().get_experiment(run.info.experiment_id).name
        reason = f"a run of {recipe} is open"
        names = {recipe + suffix for suffix in REGISTERED_SUFFIX.values()}
        yield from ((str(v.source), reason) for v in versions if v.name in names)
        yield from ((uri, reason) for uri in _uris_of_run(run))


def _uris_of_run(run: Run) -> Iterator[str]:
    """What a run and the others of its flow run made or took over, or would find by their key."""
    flow_run_id = run.data.tags.get("coldpress.flow_run_id")
    for member in history.runs_of_flow_run(flow_run_id) if flow_run_id else [run]:
        if "coldpress.result" in member.data.tags:
            yield history.result_of(member).model_uri or ""
        if "coldpress.key" in member.data.tags:
            results = history.results_with_key(member.data.tags["coldpress.key"])
            yield from (result.model_uri or "" for result in results)


def _stored_soft_targets(
    versions: Iterable[ModelVersion], kept: dict[str, str]
) -> Iterator[StoredFiles]:
    """The soft targets of each teacher: of no use without it, and made again with it."""
    teachers = {v.tags["digest"]: v for v in versions if v.tags.get("stage") == "train_teacher"}
    made = "tags.`coldpress.stage` = 'generate_soft_targets' AND tags.`coldpress.status` = 'ran'"
    for run in history.find_runs(made):
        result = history.result_of(run)
        teacher = teachers.get(result.parents[0]) if result.parents else None
        if teacher is None or result.model_uri is None:
            continue
        size = artifacts.stored_bytes(result.model_uri)
        if size:
            reason = kept.get(result.model_uri) or kept.get(str(teacher.source))
            reason = reason or (
                _OUTSIDE_HOME if artifacts.is_outside_home(result.model_uri) else None
            )
            name = f"soft targets of {_reference(teacher)}"
            yield StoredFiles(name=name, uri=result.model_uri, bytes=size, kept=reason)
