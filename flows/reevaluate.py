"""Score the champion on fresh rows, and say so where it no longer is what its scorecard says."""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed

from coldpress.data.new_rows import NewRowsSource, pin_revision
from coldpress.drift import markdown
from coldpress.drift.result import Reevaluation
from coldpress.schema.section import FlatChoice
from tasks.announce import announce
from tasks.promotion import champion as in_service
from tasks.record_reevaluation import record_reevaluation
from tasks.score_champion import score_champion


@flow(name="re-evaluate", flow_run_name="{model}", persist_result=False, result_serializer="json")
def re_evaluate(
    model: str, fresh: Annotated[NewRowsSource, FlatChoice()], labelled: bool = True
) -> State[Reevaluation]:
    """Compare what the champion is asked and answers now with what it was judged on.

    Args:
        model: Registered name, such as trec; its champion is scored.
        fresh: Where the rows are, in the columns that its recipe names: a file, by its absolute
            path on the worker, or a split of a dataset repository on the hub.
        labelled: Whether they have labels. Without, only what it is asked is judged.
    """
    champion, rows = in_service.load_champion(model), pin_revision(fresh, "fresh")
    found = score_champion(champion, rows, labelled)
    run_id = record_reevaluation(champion, rows, found)
    if found.verdict != "healthy":
        announce(champion, rows, found, run_id)
    return _final_state(found)


def _final_state(found: Reevaluation) -> State[Reevaluation]:
    """End as Completed whatever was found, under the verdict's name."""
    said = markdown.headline(found)
    if found.verdict == "worse":
        return Completed(name="Worse", message=said, data=found)
    if found.verdict == "drifted":
        return Completed(name="Drifted", message=said, data=found)
    return Completed(name="Healthy", message=said, data=found)
