"""Create or update the work pool, automations and deployments on a Prefect server."""

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
    """Return a digest of everything that `main` creates; it changes with an upgrade."""
    content = hashlib.sha256(f"{version('coldpress')} {version('prefect')}".encode())
    content.update(json.dumps(Recipe.model_json_schema()).encode())  # the parameter form
    for name in (_POOL, _AUTOMATIONS, _DEPLOYMENTS):
        content.update(name.encode() + b"\0" + _resource(name).read_bytes())
    return content.hexdigest()


def _resource(name: str) -> Traversable:
    return resources.files("deployments").joinpath(*name.split("/"))


def main() -> None:
    """Create or update everything on the server that PREFECT_API_URL names."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        _ensure_pool(client)
        _ensure_automations(client)
    _deploy()


def _ensure_pool(client: SyncPrefectClient) -> None:
    """Leave an existing pool alone: its users may have changed it."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    template = json.loads(_resource(_POOL).read_bytes())
    pool = WorkPoolCreate(name=servers.POOL, type="process", base_job_template=template)
    try:
        client.create_work_pool(pool)
    except ObjectAlreadyExists:
        return


def _ensure_automations(client: SyncPrefectClient) -> None:
    """Update automations of the same name, since creating would duplicate; keep paused ones so."""
    from prefect.events.schemas.automations import AutomationCore

    for definition in yaml.safe_load(_resource(_AUTOMATIONS).read_bytes())["automations"]:
        automation = AutomationCore.model_validate(definition)
        existing = client.read_automations_by_name(automation.name)
        for old in existing:
            update = automation.model_copy(update={"enabled": old.enabled})
            client.update_automation(old.id, update)
        if not existing:
            client.create_automation(automation)


def _deploy() -> None:
    with resources.as_file(resources.files("deployments")) as folder:
        prefect = [sys.executable, "-P", "-m", "prefect", "--no-prompt"]
        deploy = ["deploy", "--all", "--prefect-file", str(folder / _DEPLOYMENTS)]
        subprocess.run([*prefect, *deploy], cwd=Path(folder), check=True)  # noqa: S603


if __name__ == "__main__":
    main()
