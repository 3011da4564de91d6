"""Upload of a model to a Hugging Face hub, in one commit.

The hub's address and the token are read by huggingface_hub, from HF_ENDPOINT, and from HF_TOKEN or
the file that `hf auth login` writes. Neither is logged.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path

from yaml import YAMLError

from coldpress.data import hub
from coldpress.errors import InputError
from tasks.environment.credentials import has_credentials
from tasks.tracking.pulled_folder import CARD_FILE

ENDPOINT_VARIABLE = "HF_ENDPOINT"
TOKEN_VARIABLE = "HF_TOKEN"  # noqa: S105 - the name of the variable
STALL_SECONDS = 60.0
"""A hub that sends or accepts nothing for this time has failed."""
_UPLOAD_ERROR = re.compile("^(Error while uploading .*) to the Hub")
_STATUS_MESSAGES = {
    401: "HF_TOKEN: the hub does not accept the token",
    403: "HF_TOKEN: the token may not write to {repository}",
    404: "REPO: the hub has no {repository}, or hides it from this token",
}


def check_target(repository: str) -> str:
    """Check without a request whether a repository can be written to.

    Args:
        repository: `OWNER/NAME`.

    Returns:
        The token.

    Raises:
        InputError: The name is invalid, there is no token, or HF_HUB_OFFLINE is set.
    """
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise InputError(f"REPO: {error}") from error
    if "/" not in repository:
        raise InputError(f"REPO: {repository} has no owner; write it as OWNER/{repository}")
    if has_credentials(constants.ENDPOINT):
        message = f"must not contain a user or password; set {TOKEN_VARIABLE}"
        raise InputError(f"{ENDPOINT_VARIABLE}: {message}")
    if constants.is_offline_mode():
        raise InputError("HF_HUB_OFFLINE: is set, so that nothing can be uploaded")
    token = get_token()
    if token is None:
        raise InputError(f"{TOKEN_VARIABLE}: not set; create a token that may write on the hub")
    return token


def upload_files(files: Mapping[str, Path | bytes], repository: str, summary: str) -> str:
    """Upload files in one commit; a new repository is private. Its other files remain.

    Args:
        files: Path on this disk, or content, by name in the repository.
        repository: `OWNER/NAME`.
        summary: Message of the commit.

    Returns:
        URL of the commit; that of the newest one if no file differs.

    Raises:
        InputError: See `check_target`; or the hub does not answer, refuses the token or the files,
            or the upload broke off. The repository is then as it was.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, get_session

    api = HfApi(token=check_target(repository))
    with _quiet(), _describe_failures(repository):
        _check_card(files)
        hub.wait_for_answer(lambda: api.create_repo(repository, private=True, exist_ok=True))
        get_session().timeout = STALL_SECONDS
        # Not upload_folder, which divides what takes long into several commits.
        additions = [CommitOperationAdd(name, content) for name, content in sorted(files.items())]
        commit = api.create_commit(repository, additions, commit_message=summary)
    return str(commit.commit_url)


def _check_card(files: Mapping[str, Path | bytes]) -> None:
    """Check the metadata that a user may have added, before a repository is created."""
    from huggingface_hub import ModelCard

    card = files.get(CARD_FILE)
    if card is None:
        return
    text = card if isinstance(card, bytes) else card.read_bytes()
    try:
        ModelCard(text.decode())
    except (ValueError, YAMLError) as error:
        raise ValueError(f"{CARD_FILE}: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Print no attempts and retries, and progress only for people."""
    from huggingface_hub.utils import logging as hub_logging
    from huggingface_hub.utils.tqdm import disable_progress_bars

    before = hub_logging.get_verbosity()
    hub_logging.set_verbosity(logging.ERROR)
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        yield
    finally:
        hub_logging.set_verbosity(before)


@contextmanager
def _describe_failures(repository: str) -> Iterator[None]:
    """Turn any failure of the hub or the connection into one line.

    Libraries raise many types here: of HTTP, of TLS, of Xet, `RuntimeError` around another error.
    """
    try:
        yield
    except Exception as error:
        raise InputError(_describe(error, repository)) from error


def _describe(error: BaseException, repository: str) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError

    upload = _UPLOAD_ERROR.match(str(error))
    if upload is not None:
        return f"REPO: {repository}: {upload[1]} ({_reason(error.__cause__ or error)})"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        message = _STATUS_MESSAGES.get(status, "REPO: the hub answered {status} for {repository}")
        details = f" ({error.server_message})" if error.server_message else ""
        return message.format(repository=repository, status=status) + details
    if isinstance(error, JSONDecodeError | KeyError):
        return f"{ENDPOINT_VARIABLE}: {constants.ENDPOINT} answers, but not as a hub"
    if isinstance(error, ValueError):  # such as invalid metadata of the card
        return f"REPO: {repository}: {error}"
    if "xet" in str(error):
        return f"HF_HUB_DISABLE_XET: set it to 1 if the hub has no Xet storage ({_reason(error)})"
    return f"{ENDPOINT_VARIABLE}: {constants.ENDPOINT} cannot be reached ({_reason(error)})"


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0].removesuffix(": ")
