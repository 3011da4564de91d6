"""Summarize a completed move for the terminal and the flow run's page."""

from __future__ import annotations

from tasks.promotion.audit import Ticket


def summarize(ticket: Ticket) -> str:
    """Summarize the outcome of a move in one line.

    Args:
        ticket: A closed ticket.
    """
    model = ticket.model
    before = ticket.moved_from
    after = ticket.moved_to
    if "completes" in ticket.tags:
        number = ticket.tags["completes"]
        return f"{model}/{after} is the champion: completed an interrupted move (audit {number})"
    if before == after:
        return f"{model}/{after} is the champion already: nothing to do"
    previous = f", {model}/{before} is previous" if before else ""
    return (
        f"{model}/{after} is the champion{previous} (audit {ticket.number}){_flag_suffix(ticket)}"
    )


def _flag_suffix(ticket: Ticket) -> str:
    return f"; {ticket.tags['flagged']}" if "flagged" in ticket.tags else ""
