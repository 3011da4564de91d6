"""Database of the studies."""

from __future__ import annotations

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import SQLAlchemyError

from coldpress.errors import InputError


def check_database(url: str, name: str) -> None:
    """Check that the database of studies can be used, and create its tables.

    Args:
        url: SQLAlchemy's address.
        name: Of what is wrong with it, for the message.

    Raises:
        InputError: It cannot be opened; the message does not contain the address, which may have
            a password.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        RDBStorage(url)
    except (SQLAlchemyError, StorageInternalError, ImportError, ValueError) as error:
        raise InputError(f"{name}: cannot open the database: {type(error).__name__}") from error
