"""Access to the Hugging Face hub, with a timeout and the hub's local cache."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from coldpress.errors import InputError

if TYPE_CHECKING:
    from huggingface_hub.hf_api import DatasetInfo, ModelInfo

RepositoryType = Literal["model", "dataset"]
Answer = TypeVar("Answer")

TIMEOUT_SECONDS = 12.0
"""A hub that does not answer in this time counts as unreachable."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


def resolve_commit(repo_type: RepositoryType, repository: str, revision: str, field: str) -> str:
    """Return the commit of a revision.

    Args:
        repo_type: `model` or `dataset`.
        repository: As in `SetFit/sst2`.
        revision: Commit, tag or branch.
        field: The recipe's field for error messages.

    Returns:
        40 hexadecimal digits.

    Raises:
        InputError: The revision does not exist, or the hub does not answer.
    """
    from huggingface_hub.constants import is_offline_mode

    if _COMMIT.fullmatch(revision):
        return revision
    if is_offline_mode():
        directory = find_cached(repo_type, repository, revision, [])
        if directory is None:
            raise InputError(f"{field}: {repository}@{revision} is not cached and HF_HUB_OFFLINE=1")
        return directory.name
    sha = _fetch_info(repo_type, repository, revision, field).sha
    if sha is None:
        raise InputError(f"{field}: the hub returned no commit for {repository}@{revision}")
    return sha


def download_snapshot(
    repo_type: RepositoryType, repository: str, revision: str, patterns: Sequence[str], field: str
) -> Path:
    """Return a local directory with some files of a repository; download what is not cached.

    A commit that is already cached needs no request to the hub.

    Args:
        repo_type: `model` or `dataset`.
        repository: As in `SetFit/sst2`.
        revision: Commit, tag or branch.
        patterns: Shell patterns of the files.
        field: The recipe's field for error messages.

    Raises:
        InputError: The hub does not answer, or the repository cannot be downloaded.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    sha = resolve_commit(repo_type, repository, revision, field)
    directory = find_cached(repo_type, repository, sha, patterns)
    if directory is not None:
        return directory
    if sha == revision:
        _fetch_info(repo_type, repository, sha, field)
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        downloaded = snapshot_download(
            repository, repo_type=repo_type, revision=sha, allow_patterns=list(patterns)
        )
    except (HfHubHTTPError, LocalEntryNotFoundError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{field}: {repository} cannot be downloaded: {reason}") from error
    return Path(downloaded)


def list_files(
    repo_type: RepositoryType, repository: str, revision: str, field: str
) -> tuple[str, ...]:
    """Return the paths of a repository's files, without downloading them.

    Args:
        repo_type: `model` or `dataset`.
        repository: As in `SetFit/sst2`.
        revision: Commit, tag or branch.
        field: The recipe's field for error messages.

    Raises:
        InputError: The hub does not answer, or the repository does not exist.
    """
    siblings = _fetch_info(repo_type, repository, revision, field).siblings or []
    return tuple(sibling.rfilename for sibling in siblings)


def find_cached(
    repo_type: RepositoryType, repository: str, revision: str, patterns: Sequence[str]
) -> Path | None:
    """Return the directory of a cached snapshot with all of these files, or None.

    It sends no request to the hub.

    Args:
        repo_type: `model` or `dataset`.
        repository: As in `SetFit/sst2`.
        revision: Commit, tag or branch.
        patterns: Shell patterns of the files.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        directory = snapshot_download(
            repository,
            repo_type=repo_type,
            revision=revision,
            allow_patterns=list(patterns),
            local_files_only=True,
        )
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return Path(directory)


def _fetch_info(
    repo_type: RepositoryType, repository: str, revision: str, field: str
) -> ModelInfo | DatasetInfo:
    """Request the metadata of a revision."""

    def request() -> ModelInfo | DatasetInfo:
        from huggingface_hub import HfApi

        api = HfApi()
        get_info = api.model_info if repo_type == "model" else api.dataset_info
        return get_info(repository, revision=revision)

    try:
        return wait_for_answer(request)
    except TimeoutError as error:
        message = f"the hub did not answer for {repository} in {TIMEOUT_SECONDS:g} s"
        raise InputError(f"{field}: {message}") from error
    except Exception as error:
        raise _describe_failure(error, f"{repository}@{revision}", field) from error


def wait_for_answer(request: Callable[[], Answer]) -> Answer:
    """Send a request in a thread of its own, and wait for its answer for a limited time.

    Timeouts of the HTTP client do not cover name resolution, trying several addresses, or a slow
    response; a daemon thread that still waits does not keep the process alive.

    Args:
        request: Sends it and returns the answer.

    Raises:
        TimeoutError: No answer in `TIMEOUT_SECONDS`.
        Exception: Whatever `request` raises.
    """
    answer: Future[Answer] = Future()

    def wait() -> None:
        try:
            answer.set_result(request())
        except Exception as error:  # raised again in the waiting thread
            answer.set_exception(error)

    threading.Thread(target=wait, daemon=True).start()
    return answer.result(TIMEOUT_SECONDS)


def _describe_failure(error: Exception, reference: str, field: str) -> InputError:
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    reason = f"the hub cannot be reached ({type(error).__name__})"
    if isinstance(error, GatedRepoError):
        reason = "the repository is gated; it needs a token with access"
    elif isinstance(error, RepositoryNotFoundError):
        reason = "the hub has no such repository, or it is private"
    elif isinstance(error, RevisionNotFoundError):
        reason = "the hub has no such revision"
    elif isinstance(error, HfHubHTTPError):
        reason = f"the hub answered {error.response.status_code}"
    elif isinstance(error, HFValidationError):
        reason = "not a repository id"
    return InputError(f"{field}: {reference}: {reason}")
