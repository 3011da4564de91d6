"""What Coldpress asks of the Hugging Face hub, and how long it waits for an answer."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from coldpress.errors import InputError

if TYPE_CHECKING:
    from huggingface_hub.hf_api import DatasetInfo, ModelInfo

RepositoryType = Literal["model", "dataset"]

TIMEOUT_SECONDS = 12.0
"""Seconds until a silent hub counts as unreachable."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


def resolve_commit(kind: RepositoryType, repository: str, revision: str, field: str) -> str:
    """Find the commit that a revision names.

    Args:
        kind: `model` or `dataset`.
        repository: As in `SetFit/sst2`.
        revision: Commit, tag or branch.
        field: The recipe's field to blame.

    Returns:
        40 hexadecimal digits.

    Raises:
        InputError: There is no such revision, or the hub does not answer.
    """
    from huggingface_hub.constants import is_offline_mode

    if _COMMIT.fullmatch(revision):
        return revision
    if is_offline_mode():
        found = find_cached(kind, repository, revision, [])
        if found is None:
            raise InputError(f"{field}: {repository}@{revision} is not cached and HF_HUB_OFFLINE=1")
        return found.name
    sha = _fetch_info(kind, repository, revision, field).sha
    if sha is None:
        raise InputError(f"{field}: the hub names no commit for {repository}@{revision}")
    return sha


def download_snapshot(
    kind: RepositoryType, repository: str, revision: str, patterns: Sequence[str], field: str
) -> Path:
    """Have some files of a repository on this disk.

    A pinned commit that is cached already is found without asking the hub.

    Args:
        kind: `model` or `dataset`.
        repository: As in `SetFit/sst2`.
        revision: Commit, tag or branch.
        patterns: Which files, as shell patterns.
        field: The recipe's field to blame.

    Returns:
        The directory that holds them.

    Raises:
        InputError: The hub does not answer, or not with this repository.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    sha = resolve_commit(kind, repository, revision, field)
    found = find_cached(kind, repository, sha, patterns)
    if found is not None:
        return found
    if sha == revision:
        _fetch_info(kind, repository, sha, field)
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        downloaded = snapshot_download(
            repository, repo_type=kind, revision=sha, allow_patterns=list(patterns)
        )
    except (HfHubHTTPError, LocalEntryNotFoundError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{field}: {repository} cannot be downloaded: {reason}") from error
    return Path(downloaded)


def list_files(kind: RepositoryType, repository: str, revision: str, field: str) -> tuple[str, ...]:
    """List what a repository holds, without downloading it.

    Args:
        kind: `model` or `dataset`.
        repository: As in `SetFit/sst2`.
        revision: Commit, tag or branch.
        field: The recipe's field to blame.

    Returns:
        Paths inside the repository.

    Raises:
        InputError: The hub does not answer, or not with this repository.
    """
    siblings = _fetch_info(kind, repository, revision, field).siblings or []
    return tuple(sibling.rfilename for sibling in siblings)


def find_cached(
    kind: RepositoryType, repository: str, revision: str, patterns: Sequence[str]
) -> Path | None:
    """Look for a repository on this disk, without asking the hub.

    Args:
        kind: `model` or `dataset`.
        repository: As in `SetFit/sst2`.
        revision: Commit, tag or branch.
        patterns: Which files, as shell patterns.

    Returns:
        The directory that holds all of them, or None.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        found = snapshot_download(
            repository,
            repo_type=kind,
            revision=revision,
            allow_patterns=list(patterns),
            local_files_only=True,
        )
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return Path(found)


def _fetch_info(
    kind: RepositoryType, repository: str, revision: str, field: str
) -> ModelInfo | DatasetInfo:
    """Ask for a revision, in a thread of its own.

    No timeout of the HTTP client bounds name resolution, addresses tried one by one, or an answer
    that trickles; a daemon thread that is still waiting does not keep the process alive.
    """
    answers: list[ModelInfo | DatasetInfo | Exception] = []

    def ask() -> None:
        from huggingface_hub import HfApi

        try:
            api = HfApi()
            inform = api.model_info if kind == "model" else api.dataset_info
            answers.append(inform(repository, revision=revision))
        except Exception as error:  # whatever it is, it belongs to the thread that waits
            answers.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(TIMEOUT_SECONDS)
    if not answers:
        raise InputError(
            f"{field}: the hub did not answer for {repository} in {TIMEOUT_SECONDS:g} s"
        )
    if isinstance(answers[0], Exception):
        raise _describe_failure(answers[0], f"{repository}@{revision}", field) from answers[0]
    return answers[0]


def _describe_failure(error: Exception, asked: str, field: str) -> InputError:
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    reason = f"the hub cannot be reached ({type(error).__name__})"
    if isinstance(error, GatedRepoError):
        reason = "the hub wants a token with access"
    elif isinstance(error, RepositoryNotFoundError):
        reason = "the hub has no such repository, or it is private"
    elif isinstance(error, RevisionNotFoundError):
        reason = "the hub has no such revision"
    elif isinstance(error, HfHubHTTPError):
        reason = f"the hub answered {error.response.status_code}"
    elif isinstance(error, HFValidationError):
        reason = "not a repository id"
    return InputError(f"{field}: {asked}: {reason}")
