"""The options of a challenger, and what runs beside the server for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from coldpress.errors import InputError
from flows.serving import registry
from flows.serving.alias_watch import AliasWatch
from flows.serving.metrics import Metrics
from flows.serving.model_slot import ChallengerSlot, ModelSlot, ServedModel
from flows.serving.server import Background
from tasks.tracking.pulled_folder import find_folder
from tasks.tracking.references import split_reference

if TYPE_CHECKING:
    from flows.serving.shadow import Shadow

_DEFAULT_SHARE = 0.1


def check_options(model: str, shadow: str | None, share: float | None) -> float:
    """Return the share of requests that a challenger gets.

    Args:
        model: What is served.
        shadow: Reference of the challenger; None without one.
        share: As given by the user.

    Raises:
        InputError: An option is invalid, or does not suit the others.
    """
    if shadow is None and share is not None:
        raise InputError("--share: needs --shadow, the model that gets this share of the requests")
    if share is not None and not 0 < share <= 1:
        raise InputError(f"--share: {share:g} is not greater than 0 and at most 1")
    if shadow is not None:
        _check_reference(model, shadow)
    return _DEFAULT_SHARE if share is None else share


def _check_reference(model: str, shadow: str) -> None:
    if find_folder(model) is not None:
        raise InputError(f"--shadow: {model} is a folder; only a registered model has a challenger")
    expected = split_reference(model)[0]
    name, mark, selector = split_reference(shadow)
    if not (mark and selector) or name != expected:
        raise InputError(
            f"--shadow: {shadow!r} is neither an alias nor a version of {expected}, such as"
            f" {expected}@challenger"
        )
    if shadow == model:
        raise InputError(f"--shadow: {shadow} is what is served")


def open_shadow(
    find: Callable[[], registry.Version],
    share: float,
    champion: ModelSlot,
    metrics: Metrics,
    stop: threading.Event,
) -> tuple[Shadow, list[Background]]:
    """Return the comparison, and what loads its challenger, compares and logs.

    Args:
        find: Returns the version of the challenger.
        share: Of the requests.
        champion: The model in use.
        metrics: Of the service.
        stop: Ends downloads.
    """
    from flows.serving.shadow import Shadow
    from flows.serving.shadow_log import ShadowLog
    from flows.serving.shadow_metrics import ShadowMetrics

    shadow = Shadow(ChallengerSlot(), share, ShadowMetrics(metrics.registry))

    def load(version: registry.Version) -> ServedModel:
        model = registry.load_version(version, stop)
        _check_same_task(model, champion.model)
        return model

    watch = AliasWatch(shadow.slot, shadow.metrics.alias, find, load)
    log = Background(ShadowLog(shadow).run, awaited=True)
    return shadow, [Background(watch.run), log]


def _check_same_task(challenger: ServedModel, champion: ServedModel) -> None:
    forms = [(m.predictor.kind, m.predictor.pairs) for m in (challenger, champion)]
    if forms[0] != forms[1]:
        names = [f"{kind}, {'pairs' if pairs else 'single texts'}" for kind, pairs in forms]
        raise InputError(
            f"{challenger.reference} is for {names[0]}, but {champion.reference} for {names[1]}"
        )
