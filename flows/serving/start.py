"""Start the service with a registered model or a pulled folder."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import partial

from coldpress.errors import InputError
from flows.serving import registry
from flows.serving.alias_watch import AliasWatch
from flows.serving.allowed_hosts import AllowedHosts
from flows.serving.application import create_application
from flows.serving.bearer_token import read_token
from flows.serving.metrics import Metrics
from flows.serving.model_slot import ModelSlot, load_folder
from flows.serving.server import Background, open_socket, run
from flows.serving.shadow_start import check_options, open_shadow
from tasks.environment.credentials import MLFLOW_VARIABLE
from tasks.tracking import pulled_folder
from tasks.tracking.references import split_reference


@dataclass(frozen=True)
class Options:
    """What to serve, and where.

    Attributes:
        model: `name@alias`, `name/version`, or a folder with `model.onnx`, which comes first.
        host: Where to listen.
        port: 0 for any free port.
        shadow: Reference of a challenger; None without one.
        share: Share of the requests that it gets; None for the default.
        allowed_hosts: Names of the service beside `host`, separated by commas.
    """

    model: str
    host: str
    port: int
    shadow: str | None = None
    share: float | None = None
    allowed_hosts: str = ""


def start(options: Options) -> None:
    """Serve a model until the process is told to end.

    Args:
        options: What to serve, and where.

    Raises:
        InputError: An option is invalid, there is no such model, the registry does not respond, or
            the address cannot be used.
        CorruptCheckpointError: A file is missing or was changed.
    """
    # The predictor's own threads tokenize. The library would start one for every core of the host,
    # even if the container may use fewer.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    share = check_options(options.model, options.shadow, options.share)
    stop = threading.Event()
    with open_socket(options.host, options.port) as listener:
        slot, version = _open_model(options.model, stop)
        metrics = Metrics(slot.model)
        background = []
        if version is not None and split_reference(options.model)[1] == "@":
            find = registry.version_finder(options.model, version)
            load = partial(registry.load_version, stop=stop)
            background.append(Background(AliasWatch(slot, metrics.alias, find, load).run))
        shadow = None
        if version is not None and options.shadow is not None:
            find = registry.version_finder(options.shadow, version)
            shadow, threads = open_shadow(find, share, slot, metrics, stop)
            background += threads
        application = create_application(
            slot,
            metrics,
            read_token(),
            shadow=shadow,
            hosts=AllowedHosts([options.host, *options.allowed_hosts.split(",")]),
        )
        run(slot, application, listener, background, stop)


def _open_model(model: str, stop: threading.Event) -> tuple[ModelSlot, registry.Version | None]:
    """Load the first model; return also its version in the registry, if it is registered."""
    folder = pulled_folder.find_folder(model)
    if folder is not None:
        pulled_folder.require_checksums(folder)  # else the predictor would verify no file
        return ModelSlot(load_folder(folder, folder.resolve().name)), None
    version = _find_version(model)
    return ModelSlot(registry.load_version(version, stop)), version


def _find_version(model: str) -> registry.Version:
    try:
        return registry.find_version(model)
    except OSError as error:
        raise InputError(f"{MLFLOW_VARIABLE}: {error}") from error
