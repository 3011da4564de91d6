"""Identify the versions that audit records refer to, by digest and creation time.

MLflow counts from 1 again when a registered model was deleted and created again, while the audit of
the old model remains. So a version number alone may refer to another version later, and tickets
also store the digest and creation time of each version.
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
"""The tags of a ticket that contain a version number."""


def find_version(model: str, number: str) -> ModelVersion | None:
    """Return a version by number; None only if it does not exist, an outage raises."""
    try:
        return retry_on_conflict(partial(runs.client().get_model_version, model, number))
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return None
        raise


def digest_of(model: str, number: str) -> str | None:
    """Return the digest of a version; None if it was deleted or another tool registered it."""
    version = find_version(model, number)
    return None if version is None else version.tags.get("digest")


def check_unchanged(reference: str, digest: str | None) -> None:
    """Check before writing to a version that it is still the one that was registered.

    Args:
        reference: `name/version`.
        digest: The digest at registration.

    Raises:
        InputError: The version or its model was deleted in the meantime.
    """
    name, _, number = reference.partition("/")
    if digest_of(name, number) != digest:
        raise InputError(
            f"model: {reference} was deleted in MLflow, or registered again as another model,"
            " during this run; run it again"
        )


def identity_tags(role: Role, model: str, number: str | None) -> dict[str, str]:
    """Return the tags that identify a version beside its number.

    Args:
        role: The tag that holds the number.
        model: Registered name.
        number: None if the ticket has no version in this role.
    """
    version = None if number is None else find_version(model, number)
    if version is None:
        return {}
    digest = version.tags.get("digest")
    created = {f"{role}_created": str(version.creation_timestamp)}
    return {**created, f"{role}_digest": digest} if digest else created


def version_in_role(ticket: Ticket, role: Role) -> ModelVersion | None:
    """Return the version that a ticket names in a role.

    Args:
        ticket: An audit record.
        role: The tag that holds the version number.

    Returns:
        None if the tag is missing, the version was deleted, or its number was reassigned.
    """
    number = ticket.tags.get(role)
    version = None if number is None else find_version(ticket.model, number)
    return version if version is not None and _is_same_version(ticket, role, version) else None


def number_in_role(ticket: Ticket | None, role: Role) -> str | None:
    """Return the number of the version that `version_in_role` returns.

    Args:
        ticket: An audit record, or None.
        role: The tag that holds the version number.

    Returns:
        The number; None if there is no such version.
    """
    version = None if ticket is None else version_in_role(ticket, role)
    return None if version is None else str(version.version)


def _is_same_version(ticket: Ticket, role: Role, version: ModelVersion) -> bool:
    """Compare digests, which survive an import, or creation times, if the digest was deleted.

    Tickets of older versions of Coldpress have neither: then the version must be older than the
    ticket by the registry's clock.
    """
    digest = ticket.tags.get(f"{role}_digest")
    created = ticket.tags.get(f"{role}_created")
    if digest is None and created is None:
        return int(version.creation_timestamp) <= ticket.created
    same_digest = digest is not None and version.tags.get("digest") == digest
    return same_digest or str(version.creation_timestamp) == created
