"""Start the service with a registered model or a pulled folder."""

from __future__ import annotations

import threading
from functools import partial

from coldpress.errors import InputError
from flows.serving import registry
from flows.serving.alias_watch import AliasWatch
from flows.serving.metrics import Metrics
from flows.serving.model_slot import ModelSlot, load_folder
from flows.serving.server import Watch, open_socket, run
from tasks.environment.credentials import MLFLOW_VARIABLE
from tasks.tracking import pulled_folder
from tasks.tracking.references import split_reference


def start(model: str, host: str, port: int) -> None:
    """Serve a model until the process is told to end.

    Args:
        model: `name@alias`, `name/version`, or a folder with `model.onnx`, which comes first.
        host: Where to listen.
        port: 0 for any free port.

    Raises:
        InputError: There is no such model, the registry does not respond, or the address cannot be
            used.
        CorruptCheckpointError: A file is missing or was changed.
    """
    stop = threading.Event()
    with open_socket(host, port) as listener:
        slot, watch = _open_model(model, stop)
        run(slot, listener, watch, stop)


def _open_model(model: str, stop: threading.Event) -> tuple[ModelSlot, Watch | None]:
    """Load the first model, and return what follows its alias, if it has one."""
    folder = pulled_folder.find_folder(model)
    if folder is not None:
        pulled_folder.require_checksums(folder)  # else the predictor would verify no file
        return ModelSlot(load_folder(folder, folder.resolve().name)), None
    version = _find_version(model)
    slot = ModelSlot(registry.load_version(version, stop))
    if split_reference(model)[1] != "@":
        return slot, None
    return slot, partial(_follow, model, version)


def _find_version(model: str) -> registry.Version:
    try:
        return registry.find_version(model)
    except OSError as error:
        raise InputError(f"{MLFLOW_VARIABLE}: {error}") from error


def _follow(
    reference: str,
    version: registry.Version,
    slot: ModelSlot,
    metrics: Metrics,
    stop: threading.Event,
) -> None:
    find = registry.version_finder(reference, version)
    load = partial(registry.load_version, stop=stop)
    AliasWatch(slot, metrics, find, load).run(stop)
