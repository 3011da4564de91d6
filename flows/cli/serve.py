"""The command `serve`."""

from __future__ import annotations


def serve(
    model: str,
    /,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    shadow: str | None = None,
    share: float | None = None,
    allowed_hosts: str = "",
) -> None:
    """Serve a model over HTTP, and follow its alias to other versions.

    Requests are POST /predict with JSON such as {"text": ["what is it"]}; GET /docs describes all.
    If COLDPRESS_SERVE_TOKEN is set, requests need it as a bearer token.

    Args:
        model: `name@alias`, `name/version`, or a folder that `coldpress pull` wrote.
        host: Address to listen on; by default this machine only.
        port: Port to listen on; 0 for any free port.
        shadow: Another alias or version of the model, such as `name@challenger`. It answers a share
            of the requests again, after their answers were sent. `coldpress promote` shows how far
            both agree, and their latencies.
        share: Share of the requests for `--shadow`, up to 1; 0.1 by default.
        allowed_hosts: Names by which clients may address the service, with commas between them.
            Names without a dot, addresses and `--host` are always allowed.
    """
    from flows.serving.start import Options, start

    start(Options(model, host, port, shadow, share, allowed_hosts))
