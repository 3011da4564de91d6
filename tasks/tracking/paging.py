"""Read every page of an MLflow search: a server answers with 100 or 1,000 results at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from mlflow.store.entities import PagedList

from tasks.tracking.retry import retry_on_conflict

IDS_PER_SEARCH = 500
"""Experiment ids in one search: SQLite takes as few as 999 variables in a statement."""

Entity = TypeVar("Entity")


def all_pages(
    search: Callable[..., PagedList[Entity]],
    *arguments: Any,  # noqa: ANN401
    limit: int | None = None,
    **options: Any,  # noqa: ANN401
) -> list[Entity]:
    """Search until there is no further page.

    Args:
        search: A `search_...` method of an MLflow client.
        *arguments: What it is called with.
        limit: How many results are enough; all of them where none is given.
        **options: What else it is called with.

    Returns:
        The results of all pages, in the server's order.
    """
    results: list[Entity] = []
    token: str | None = None
    while True:
        page = retry_on_conflict(partial(search, *arguments, page_token=token, **options))
        results += page
        token = page.token
        if not token or (limit is not None and len(results) >= limit):
            return results[:limit]


def batch_ids(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a list of experiment ids into lists that one search can take.

    Args:
        ids: However many.

    Yields:
        At most `IDS_PER_SEARCH` of them at a time, in their order.
    """
    for start in range(0, len(ids), IDS_PER_SEARCH):
        yield ids[start : start + IDS_PER_SEARCH]
