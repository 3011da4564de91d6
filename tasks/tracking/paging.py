"""Read all pages of an MLflow search, which returns 100 or 1,000 results at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from mlflow.store.entities import PagedList

from tasks.tracking.retry import retry_on_conflict

IDS_PER_SEARCH = 500
"""Experiment ids per search: some builds of SQLite allow only 999 variables per statement."""

Entity = TypeVar("Entity")


def all_pages(
    search: Callable[..., PagedList[Entity]],
    *arguments: Any,  # noqa: ANN401
    limit: int | None = None,
    **options: Any,  # noqa: ANN401
) -> list[Entity]:
    """Run a search and return the results of all its pages.

    Args:
        search: A `search_...` method of an MLflow client.
        *arguments: Positional arguments of `search`.
        limit: Maximum number of results; None for all.
        **options: Keyword arguments of `search`.

    Returns:
        The results in the server's order.
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
    """Split experiment ids into batches that fit in one search.

    Yields:
        At most `IDS_PER_SEARCH` ids at a time, in the given order.
    """
    for start in range(0, len(ids), IDS_PER_SEARCH):
        yield ids[start : start + IDS_PER_SEARCH]
