"""Re-evaluate the champion on new rows: accuracy and drift."""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed

from coldpress.data.new_rows import NewRowsSource, pin_revision
from coldpress.drift import markdown
from coldpress.drift.result import Reevaluation
from coldpress.schema.section import FlatChoice
from tasks.announce import announce
from tasks.promotion.champion import load_champion
from tasks.record_reevaluation import record_reevaluation
from tasks.score_champion import score_champion


@flow(name="re-evaluate", flow_run_name="{model}", persist_result=False, result_serializer="json")
def re_evaluate(
    model: str, fresh: Annotated[NewRowsSource, FlatChoice()], labelled: bool = True
) -> State[Reevaluation]:
    """Compare the champion on new rows with its evaluation, and check them for drift.

    Args:
        model: Registered name, such as trec; its champion is scored.
        fresh: Where the new rows are: a file, by its absolute path on the worker, or a split of a
            dataset repository on the hub. Its columns are those that the champion's recipe names.
        labelled: Whether the rows have labels or numbers. Without them, only drift is checked.
    """
    champion = load_champion(model)
    rows = pin_revision(fresh, "fresh")
    result = score_champion(champion, rows, labelled)
    run_id = record_reevaluation(champion, rows, result)
    if result.verdict != "healthy":
        announce(champion, rows, result, run_id)
    return _final_state(result)


def _final_state(result: Reevaluation) -> State[Reevaluation]:
    """A completed state in each case, named after the verdict."""
    message = markdown.headline(result)
    if result.verdict == "worse":
        return Completed(name="Worse", message=message, data=result)
    if result.verdict == "drifted":
        return Completed(name="Drifted", message=message, data=result)
    return Completed(name="Healthy", message=message, data=result)
