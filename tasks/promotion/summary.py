"""What is said of a move of the champion, to a terminal and on the page of a flow run."""

from __future__ import annotations

from tasks.promotion.audit import Ticket


def summarize(ticket: Ticket) -> str:
    """Say what became of a move.

    Args:
        ticket: Closed.

    Returns:
        One line.
    """
    model, before, after = ticket.model, ticket.moved_from, ticket.moved_to
    if "completes" in ticket.tags:
        interrupted = f"audit {ticket.tags['completes']}"
        return f"{model}/{after} is the champion: what was interrupted is completed ({interrupted})"
    if before == after:
        return f"{model}/{after} is the champion already: nothing to do"
    was = f", {model}/{before} is previous" if before else ""
    return f"{model}/{after} is the champion{was} (audit {ticket.number}){_flag_suffix(ticket)}"


def _flag_suffix(ticket: Ticket) -> str:
    return f"; {ticket.tags['flagged']}" if "flagged" in ticket.tags else ""
