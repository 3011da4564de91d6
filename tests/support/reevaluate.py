"""A script that re-evaluates a champion through Prefect: model, then files of new rows.

Rows of files whose name begins with `labelled` have targets. It prints the final states, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from flows.prefect_server import supervisor
from tasks.environment import home


def main(model: str, *paths: str) -> None:
    """Re-evaluate a model on each of the files."""
    home.set_defaults()
    home.configure_environment()
    with supervisor.embedded_server() as server:
        from flows.prefect_server import session
        from flows.reevaluate import re_evaluate

        with session.prefect_server(server):
            names = []
            for path in paths:
                rows = {"origin": "files", "path": path}
                labelled = Path(path).name.startswith("labelled")
                names.append(re_evaluate(model, rows, labelled, return_state=True).name)
    sys.stdout.write(json.dumps(names))


if __name__ == "__main__":
    main(*sys.argv[1:])
