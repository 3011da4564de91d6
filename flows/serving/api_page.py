"""The OpenAPI description of the service, and a page that shows it without scripts."""

from __future__ import annotations

from html import escape
from textwrap import dedent
from typing import Any

_TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_REQUEST = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {
        "text": {**_TEXTS, "description": "The texts, or the first texts of pairs."},
        "text_pair": {**_TEXTS, "description": "The second texts, for models of pairs."},
    },
    "example": {"text": ["How far is it from Denver to Aspen ?"]},
}
_RESPONSE = {
    "type": "object",
    "properties": {
        "model": {"type": "string", "example": "trec/3"},
        "predictions": {"type": "array", "items": {"type": "object"}},
    },
}
_REFUSALS = {
    "400": "The body is not valid, or does not suit the model.",
    "401": "The bearer token is missing or wrong.",
    "403": "The header Host is not a name of the service.",
    "408": "The body was not complete in time.",
    "413": "The body is too large.",
    "415": "The content type is not application/json.",
    "429": "Too many requests are running; `Retry-After` says when to try again.",
    "503": "The service ended before the request was answered.",
}
_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}}
_STYLE = (
    "body{font:16px sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
    "code,pre{background:#eee;padding:.2em}"
)


def operation(path: str) -> dict[str, Any]:
    """Return what the OpenAPI description says of a path beside its summary."""
    if path != "/predict":
        return {}
    refusals = {
        status: {"description": reason, "content": _content(_ERROR)}
        for status, reason in _REFUSALS.items()
    }
    answers = {"200": {"description": "One record per text", "content": _content(_RESPONSE)}}
    return {
        "requestBody": {"required": True, "content": _content(_REQUEST)},
        "responses": {**answers, **refusals},
    }


def description(docstring: str) -> str:
    """Return the text below the first line of a docstring."""
    return dedent(docstring).strip()


def render(openapi: dict[str, Any]) -> str:
    """Render a description as a page.

    Args:
        openapi: The description.

    Returns:
        HTML that loads nothing from another address.
    """
    sections = [
        _section(method.upper(), path, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    title = escape(openapi["info"]["title"])
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        '<p>As data: <a href="openapi.json">openapi.json</a></p>'
        f"{''.join(sections)}</body></html>"
    )


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    summary = escape(f"{operation.get('summary', '')} {operation.get('description', '')}")
    statuses = "".join(
        f"<li><code>{status}</code> {escape(response['description'])}</li>"
        for status, response in operation["responses"].items()
    )
    return f"<h2><code>{method} {escape(path)}</code></h2><p>{summary}</p><ul>{statuses}</ul>"


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
