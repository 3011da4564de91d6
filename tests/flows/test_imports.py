"""What a command imports before it works: a run that reuses every stage needs no tensors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "transformers", "datasets", "matplotlib", "sklearn"}
MODELS = {"onnxruntime", "mlflow.pyfunc"}


def imported_by(module: str, home: Path) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    environment = {**os.environ, "COLDPRESS_HOME": str(home), "PREFECT_HOME": str(home)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["flows.compress", "flows.cli.outcome", "flows.cli.predict"])
def test_torch_and_other_heavy_libraries_are_imported_only_where_they_are_used(
    module: str, tmp_path: Path
) -> None:
    assert not imported_by(module, tmp_path) & HEAVY


def test_arguments_are_parsed_before_mlflow_and_prefect_are_imported(tmp_path: Path) -> None:
    assert not imported_by("flows.cli.main", tmp_path) & {"mlflow", "prefect", "pandas", *HEAVY}


def test_a_model_in_an_embedded_registry_is_found_without_mlflow(tmp_path: Path) -> None:
    """Its import would take most of the time of `predict`."""
    assert not imported_by("flows.cli.predict", tmp_path) & {"mlflow", "prefect", "pandas"}


def test_a_run_imports_what_executes_and_packages_models_only_for_a_new_model(
    tmp_path: Path,
) -> None:
    assert not imported_by("flows.cli.outcome, flows.compress", tmp_path) & MODELS
    assert not imported_by("tasks.tracking.pyfunc", tmp_path) & MODELS
