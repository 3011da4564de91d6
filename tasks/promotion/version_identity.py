"""Which version a record means: a number alone can be given to another version later.

MLflow counts from 1 again when a registered model was deleted and created anew, and the audit of
the old one stays. So a ticket keeps the digest and the creation time of each version that it names.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from coldpress.errors import InputError
from tasks.promotion.audit import Ticket
from tasks.tracking import runs
from tasks.tracking.retry import retry_on_conflict

Role = Literal["from", "to", "previous", "target"]
"""The tags of a ticket that name a version of its model."""


def find_version(model: str, number: str) -> ModelVersion | None:
    """Look a version up by its number.

    Args:
        model: Registered name.
        number: As MLflow has it.

    Returns:
        None only where the registry says that there is none: an outage raises.
    """
    try:
        return retry_on_conflict(partial(runs.client().get_model_version, model, number))
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return None
        raise


def digest_of(model: str, number: str) -> str | None:
    """Return the digest of a version; None where it is gone or is not of Coldpress."""
    version = find_version(model, number)
    return None if version is None else version.tags.get("digest")


def check_unchanged(reference: str, digest: str | None) -> None:
    """Make sure that a version is the one that was registered, before something is written on it.

    Args:
        reference: `name/version`.
        digest: Of what was registered.

    Raises:
        InputError: Somebody deleted it, or its model, since.
    """
    name, _, number = reference.partition("/")
    if digest_of(name, number) != digest:
        raise InputError(
            f"model: {reference} was deleted in MLflow, or registered again as another one, while"
            " this run worked on it; run it again"
        )


def identity_tags(role: Role, model: str, number: str | None) -> dict[str, str]:
    """Return what a ticket says of a version beside its number.

    Args:
        role: The tag that has the number.
        model: Registered name.
        number: None where the ticket names no such version.

    Returns:
        Tags.
    """
    version = None if number is None else find_version(model, number)
    if version is None:
        return {}
    digest = version.tags.get("digest")
    created = {f"{role}_created": str(version.creation_timestamp)}
    return {**created, f"{role}_digest": digest} if digest else created


def version_in_role(ticket: Ticket, role: Role) -> ModelVersion | None:
    """Find the version that a ticket names.

    Args:
        ticket: A record of the audit.
        role: In which of its tags.

    Returns:
        None where it names none, it was deleted, or its number is another version's now.
    """
    number = ticket.tags.get(role)
    version = None if number is None else find_version(ticket.model, number)
    return version if version is not None and _is_same_version(ticket, role, version) else None


def number_in_role(ticket: Ticket | None, role: Role) -> str | None:
    """Return the number of the version that a ticket names, under the conditions of `version_of`.

    Args:
        ticket: None where there is no record.
        role: In which of its tags.

    Returns:
        The number, as aliases have it.
    """
    version = None if ticket is None else version_in_role(ticket, role)
    return None if version is None else str(version.version)


def _is_same_version(ticket: Ticket, role: Role, version: ModelVersion) -> bool:
    """By digest, also after an import; by time, also where somebody deleted the digest.

    Tickets of older versions have neither. The registry itself dates both them and the versions.
    """
    digest = ticket.tags.get(f"{role}_digest")
    created = ticket.tags.get(f"{role}_created")
    if digest is None and created is None:
        return int(version.creation_timestamp) <= ticket.created
    same_digest = digest is not None and version.tags.get("digest") == digest
    return same_digest or str(version.creation_timestamp) == created
