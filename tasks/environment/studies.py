"""Address of the database with the studies of searches."""

from __future__ import annotations

import os

from tasks.environment import home

VARIABLE = "COLDPRESS_STUDIES_URI"
"""SQLAlchemy's address of a team's database, as in `postgresql://user@host/studies`."""
FILE = "studies.db"


def studies_uri() -> str:
    """Return the configured address, or that of a SQLite file in the home."""
    return os.environ.get(VARIABLE) or f"sqlite:///{home.ensure_home() / FILE}"
