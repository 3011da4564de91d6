"""A change of anything that a stage imports of the library makes that stage run again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coldpress.schema.stages import STAGES
from tasks.execution import cache_key

# All tests read the result of one set of processes.
pytestmark = pytest.mark.xdist_group("stage-modules")

SCRIPT = Path(__file__).parents[1] / "support" / "stage_modules.py"
SIZES = {"layers": 2, "hidden_size": 32, "heads": 4, "neurons": 64, "vocabulary_size": 500}
# A method in every section whose arithmetic is imported only when the method is used.
RECIPE = {
    "name": "tiny",
    "benchmark": {
        "kind": "text-classification",
        "source": {"origin": "synthetic", "train_examples": 200, "test_examples": 60},
    },
    "teacher": {"model": {"origin": "scratch", **SIZES}, "epochs": 1, "learning_rate": 1e-3},
    "soft_targets": {"augment": {"copies": 1}},
    "distill": {"method": "hidden", "student": {"layers": 1}, "layer_epochs": 1, "epochs": 1},
    "prune": [{"method": "vocabulary"}, {"method": "heads", "keep_heads": 0.5}],
    "quantize": {"method": "static-int8"},
    "evaluate": {"latency": {"rounds": 60}},
}
EXPECTED_MODULES = {
    "train_teacher": {"coldpress.teacher.build", "coldpress.training.loop"},
    "generate_soft_targets": {
        "coldpress.benchmark.loading",
        "coldpress.distillation.word_replacement",
    },
    "distill_student": {"coldpress.benchmark.loading", "coldpress.distillation.tinybert.loss"},
    "prune": {"coldpress.model.vocabulary.shrink_tokenizer", "coldpress.pruning.importance"},
    "quantize": {"coldpress.quantization.core.calibration", "coldpress.quantization.core.storage"},
    "export_onnx": {"coldpress.onnx.parity", "coldpress.onnx.predictor"},
    "evaluate": {"coldpress.evaluation.metrics", "coldpress.onnx.candidates"},
}
"""Some modules that each stage imports, so that an empty result fails."""


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """For each stage: the modules that it imported, and those of them outside of its key."""
    folder = tmp_path_factory.mktemp("stages")
    (folder / "recipe.json").write_text(json.dumps(RECIPE))
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))},
        "COLDPRESS_HOME": str(folder / "state"),
        "OMP_NUM_THREADS": "1",
        "PREFECT__RUNTIME__FLOW_RUN__NAME": "by-hand",
        "PREFECT__RUNTIME__FLOW_RUN__UI_URL": "http://127.0.0.1:9/by-hand",
    }
    command = [sys.executable, "-P", str(SCRIPT), str(folder / "recipe.json"), str(folder)]
    process = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert process.returncode == 0, process.stderr
    read: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return read


@pytest.mark.parametrize("stage", STAGES)
def test_every_library_module_that_a_stage_imports_is_in_its_key(
    stage: str, imported: dict[str, Any]
) -> None:
    modules, outside = imported[stage]
    assert EXPECTED_MODULES[stage] <= set(modules)
    assert outside == []


def test_modules_of_later_stages_are_in_no_earlier_key() -> None:
    """Otherwise a change in measuring latency would train the teacher again."""
    teacher, student = (
        cache_key.collect_sources(f"tasks.{s}") for s in ("train_teacher", "distill_student")
    )
    later = {
        "coldpress.evaluation.performance.latency",
        "coldpress.onnx.parity",
        "coldpress.pruning.importance",
    }
    assert (later & teacher.keys(), later & student.keys()) == (set(), set())


def test_reports_are_in_no_key() -> None:
    for stage in STAGES:
        sources = cache_key.collect_sources(f"tasks.{stage}")
        report = {name for name in sources if name.startswith("coldpress.report.")}
        # The figures and the table behind one of them are files of the evaluation.
        report -= {name for name in report if "figures" in name or "waterfall" in name}
        assert not report, stage
