"""The command `coldpress push`."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter


def push(model: str, repository: Annotated[str, Parameter(name="REPO")], /) -> None:
    """Upload a model to a Hugging Face hub: what `coldpress pull` delivers, in one commit.

    HF_TOKEN, or `hf auth login`, provides the token, and HF_ENDPOINT the address of another hub.

    Args:
        model: `name`, `name@alias`, `name/version`, or a folder that `coldpress pull` wrote.
        repository: `OWNER/NAME`. If the hub does not have it, it is created as a private one.
    """
    from flows.cli.model_push import push_model

    sys.stdout.write(f"{push_model(model, repository)}\n")
