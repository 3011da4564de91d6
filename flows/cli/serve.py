"""The command `serve`."""

from __future__ import annotations


def serve(model: str, /, *, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve a model over HTTP, and follow its alias to other versions.

    Requests are POST /predict with JSON such as {"text": ["what is it"]}; GET /docs describes all.
    If COLDPRESS_SERVE_TOKEN is set, requests need it as a bearer token.

    Args:
        model: `name@alias`, `name/version`, or a folder that `coldpress pull` wrote.
        host: Address to listen on; by default this machine only.
        port: Port to listen on; 0 for any free port.
    """
    from flows.serving.start import start

    start(model, host, port)
