"""`coldpress push`: upload a model to a Hugging Face hub."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from pydantic import ValidationError

from coldpress.errors import CorruptCheckpointError
from coldpress.model.checkpoint import MANIFEST, Manifest, combine_digests
from flows.cli.predict import pull_model
from tasks import hub_upload
from tasks.tracking import error_messages, pulled_folder

_LOG = logging.getLogger("coldpress")
PUSHED_TAG = "pushed_to"
"""Tag of a version: the URL of the newest commit with its files."""


def push_model(model: str, repository: str) -> str:
    """Upload what `coldpress pull` delivers, in one commit.

    Args:
        model: `name`, `name@alias`, `name/version`, or a folder that `coldpress pull` wrote.
        repository: `OWNER/NAME`; created, and then private, if the hub does not have it.

    Returns:
        What was pushed, and the URL of the commit, in one line.

    Raises:
        InputError: There is no such model, it is not deployable, or the hub refuses it.
        CorruptCheckpointError: A file is missing or was changed; nothing was uploaded.
    """
    hub_upload.check_target(repository)
    folder = pulled_folder.find_folder(model)
    if folder is not None:
        pulled_folder.require_checksums(folder)
        return f"pushed {model} to {_upload(folder, folder.resolve().name, repository)}"
    return _push_version(model, repository)


def _push_version(model: str, repository: str) -> str:
    """Upload a registered version, and record the commit in its tags."""
    from tasks.tracking import registry

    version = registry.resolve(model)
    reference = f"{version.name}/{version.version}"
    with tempfile.TemporaryDirectory(prefix="coldpress-push-") as directory:
        folder = Path(directory) / "model"
        pull_model(reference, folder)
        url = _upload(folder, reference, repository)
    _record(reference, url)
    return f"pushed {reference} (gate: {version.tags.get('gate', 'none')}) to {url}"


def _record(reference: str, url: str) -> None:
    """Set the tag; users who may only read the registry may push, too."""
    from tasks.tracking import registry

    try:
        registry.set_tags(reference, {PUSHED_TAG: url})
    except Exception as error:
        message = error_messages.user_message(error)
        if message is None:
            raise
        _LOG.warning("%s: the tag %s was not set: %s", reference, PUSHED_TAG, message)


def _upload(folder: Path, name: str, repository: str) -> str:
    """Upload the pulled files of a folder, with the digests that they have now."""
    names = pulled_folder.verify_files(folder)
    files: dict[str, Path | bytes] = {name: folder / name for name in names}
    checksums = pulled_folder.list_checksums(folder, names)  # the card may have been edited
    files[pulled_folder.CHECKSUM_FILE] = checksums.encode()
    return hub_upload.upload_files(files, repository, f"{name}, sha256 {_digest(folder)}")


def _digest(folder: Path) -> str:
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise CorruptCheckpointError(f"{folder / MANIFEST}: {error}") from error
    return combine_digests(manifest.files)
