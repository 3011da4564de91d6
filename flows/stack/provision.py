"""Make what a person presses in Prefect: the work pool, automations and deployments."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib import resources
from importlib.metadata import version
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from coldpress.recipe.recipe import Recipe
from flows.stack import servers

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

_POOL = "work-pools/process.json"
_AUTOMATIONS = "automations.yaml"
_DEPLOYMENTS = "prefect.yaml"


def digest() -> str:
    """Return what changes whenever something else would be made: by an upgrade, say."""
    content = hashlib.sha256(f"{version('coldpress')} {version('prefect')}".encode())
    content.update(json.dumps(Recipe.model_json_schema()).encode())  # the form
    for name in (_POOL, _AUTOMATIONS, _DEPLOYMENTS):
        content.update(name.encode() + b"\0" + _resource(name).read_bytes())
    return content.hexdigest()


def _resource(name: str) -> Traversable:
    return resources.files("deployments").joinpath(*name.split("/"))


def main() -> None:
    """Make all of it at the server that PREFECT_API_URL names, or bring it up to date."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        _ensure_pool(client)
        _ensure_automations(client)
    _deploy()


def _ensure_pool(client: SyncPrefectClient) -> None:
    """One that exists is left as somebody may have changed it."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    template = json.loads(_resource(_POOL).read_bytes())
    pool = WorkPoolCreate(name=servers.POOL, type="process", base_job_template=template)
    try:
        client.create_work_pool(pool)
    except ObjectAlreadyExists:
        return


def _ensure_automations(client: SyncPrefectClient) -> None:
    """One of the same name is updated, and stays paused if it is: creation would make a second."""
    from prefect.events.schemas.automations import AutomationCore

    for described in yaml.safe_load(_resource(_AUTOMATIONS).read_bytes())["automations"]:
        wanted = AutomationCore.model_validate(described)
        known = client.read_automations_by_name(wanted.name)
        for one in known:
            client.update_automation(one.id, wanted.model_copy(update={"enabled": one.enabled}))
        if not known:
            client.create_automation(wanted)


def _deploy() -> None:
    with resources.as_file(resources.files("deployments")) as folder:
        prefect = [sys.executable, "-P", "-m", "prefect", "--no-prompt"]
        wanted = ["deploy", "--all", "--prefect-file", str(folder / _DEPLOYMENTS)]
        subprocess.run([*prefect, *wanted], cwd=Path(folder), check=True)  # noqa: S603


if __name__ == "__main__":
    main()
