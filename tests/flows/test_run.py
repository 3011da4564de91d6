"""`coldpress run`, end to end."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from coldpress.evaluation import predictions
from coldpress.evaluation.subgroups import flips
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import save_classifier
from coldpress.schema.stages import STAGES
from tests.support.command import Coldpress
from tests.support.local_hub import serve_hub

pytestmark = pytest.mark.xdist_group("tiny-run")
SUFFIXES = ("-teacher", None, "-student", "-pruned", "-quantized", "")


def statuses(outcome: dict[str, Any]) -> list[str]:
    return [stage["status"] for stage in outcome["stages"]]


def digests(outcome: dict[str, Any]) -> list[str]:
    return [stage["digest"] for stage in outcome["stages"]]


@pytest.mark.end_to_end
def test_all_seven_stages_run_and_five_register_a_model(tiny_run: dict[str, Any]) -> None:
    assert [stage["stage"] for stage in tiny_run["stages"]] == list(STAGES)
    assert statuses(tiny_run) == ["ran"] * 7
    registered = [None if s is None else f"tiny{s}/1" for s in SUFFIXES]
    assert [stage["registered"] for stage in tiny_run["stages"]] == [*registered, None]


def test_every_stage_names_its_parents_by_digest(tiny_run: dict[str, Any]) -> None:
    teacher, targets, student, pruned, quantized, onnx, _evaluation = digests(tiny_run)
    assert [stage["parents"] for stage in tiny_run["stages"]] == [
        [],
        [teacher],
        [teacher, targets],
        [student, targets],
        [pruned],
        [quantized],
        [teacher, student, pruned, quantized, onnx],
    ]


def test_the_evaluation_holds_what_scripts_depend_on(tiny_run: dict[str, Any]) -> None:
    evaluation = tiny_run["evaluation"]
    assert (evaluation["split"], evaluation["n"]) == ("test", 60)
    assert list(evaluation["models"]) == ["teacher", "student", "pruned", "quantized", "onnx"]
    final = evaluation["models"]["onnx"]
    assert final["runtime"] == "onnxruntime"
    assert final["speedup"] > 1
    assert final["compression"] > 1
    assert final["difference"]["low"] <= final["difference"]["estimate"]
    assert evaluation["models"]["quantized"]["latency_ms"] is None


def test_the_final_model_is_calibrated_and_measured_as_it_is_served(
    tiny_run: dict[str, Any],
) -> None:
    models = tiny_run["evaluation"]["models"]
    exported = tiny_run["stages"][5]["metrics"]
    final = models["onnx"]
    assert final["temperature"] == exported["temperature"]
    assert exported["validation_calibration_error_after"] >= 0
    assert sum(bin_["n"] for bin_ in final["reliability"]) == 60
    assert final["invariance"]["rows"] == 60
    assert final["serving"]["throughput"] > 0
    assert final["serving"]["price_per_core_hour"] == 0.04
    unserved = [models["quantized"][name] for name in ("temperature", "invariance", "serving")]
    assert unserved == [1.0, None, None]


def test_the_evaluation_lists_flips_and_stores_every_prediction(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    evaluation = tiny_run["evaluation"]
    classes = [group for group in evaluation["equity"] if group["kind"] == "class"]
    assert sum(group["n"] for group in classes) == 60
    assert tiny_run["stages"][-1]["metrics"]["test_openings"] >= 1
    run_id = tiny_run["stages"][-1]["model_uri"].removeprefix("runs:/").partition("/")[0]
    folder = next((coldpress.home / "state").rglob(f"{run_id}/artifacts/evaluate"))
    predicted = predictions.read_predictions(folder)
    assert predicted.sample_scores("onnx").mean() == pytest.approx(
        evaluation["models"]["onnx"]["accuracy"]
    )
    new_errors = predicted.sample_scores("teacher") > predicted.sample_scores("onnx")
    assert len(flips.read_flips(folder)) == new_errors.sum()
    assert {"equity.png", "equity.svg"} <= {path.name for path in folder.iterdir()}


def test_an_unchanged_recipe_is_reused_without_torch(
    coldpress: Coldpress, tiny_run: dict[str, Any], tmp_path: Path
) -> None:
    """A torch or transformers that cannot be imported stands first on the path."""
    for name in ("torch", "transformers"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('imported on the way to reuse')")
    outcome = coldpress.home / "again.json"
    words = ("run", "./tiny.yaml", "--json", str(outcome))
    result = coldpress(*words, also={"PYTHONPATH": str(tmp_path)})
    assert result.code == 0, result.error
    again = json.loads(outcome.read_text())
    assert statuses(again) == ["reused"] * 7
    assert digests(again) == digests(tiny_run)
    assert [s["registered"] for s in again["stages"]] == [
        s["registered"] for s in tiny_run["stages"]
    ]


def test_another_method_of_quantization_reruns_only_what_follows(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    changed = coldpress.run_tiny("--set", "quantize={method: qat, bits: 2, epochs: 1}")
    assert statuses(changed) == ["reused"] * 4 + ["ran"] * 3
    assert digests(changed)[:4] == digests(tiny_run)[:4]
    # It trains, on the teacher's answers.
    assert changed["stages"][4]["parents"] == [digests(tiny_run)[3], digests(tiny_run)[1]]


def test_a_skipped_stage_hands_the_model_on(coldpress: Coldpress, tiny_run: dict[str, Any]) -> None:
    left_out = ("prune=null", "quantize=null", "gate=null")
    outcome = coldpress.run_tiny(*(word for name in left_out for word in ("--set", name)))
    assert outcome["gate"] is None
    assert statuses(outcome) == ["reused"] * 3 + ["skipped"] * 2 + ["ran"] * 2
    assert list(outcome["evaluation"]["models"]) == ["teacher", "student", "onnx"]
    assert outcome["stages"][5]["parents"] == [digests(tiny_run)[2]]


def test_a_model_whose_file_was_altered_is_made_again(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    model_id = tiny_run["stages"][3]["model_uri"].removeprefix("models:/")
    (weights,) = coldpress.home.rglob(f"{model_id}/**/model.safetensors")
    content = weights.read_bytes()
    weights.unlink()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    outcome = coldpress.run_tiny()
    assert statuses(outcome) == ["reused"] * 3 + ["ran"] + ["reused"] * 3
    assert digests(outcome) == digests(tiny_run)
    assert outcome["stages"][3]["registered"] == tiny_run["stages"][3]["registered"]
    assert weights.read_bytes() == content


def test_a_finished_run_leaves_no_open_run_server_or_work_folder(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    with sqlite3.connect(coldpress.home / "state" / "mlflow.db") as database:
        assert database.execute("SELECT name FROM runs WHERE status = 'RUNNING'").fetchall() == []
    assert list((coldpress.home / "state" / "servers").iterdir()) == []
    assert list((coldpress.home / "state" / "work").iterdir()) == []


def test_lineage_walks_from_the_deployed_model_to_the_dataset(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    result = coldpress("lineage", "tiny/1", "--json")
    node = json.loads(result.output)
    names = []
    while node["parents"]:
        names.append(node["name"])
        node = node["parents"][0]
    assert names == [
        "tiny/1",
        "tiny-quantized/1",
        "tiny-pruned/1",
        "tiny-student/1",
        "tiny-teacher/1",
    ]
    assert node["stage"] == "dataset"


def test_predict_prints_a_json_line_a_text(coldpress: Coldpress, tiny_run: dict[str, Any]) -> None:
    result = coldpress("predict", "tiny", "where is my order", "send me the bill")
    lines = [json.loads(line) for line in result.output.splitlines()]
    assert [line["text"] for line in lines] == ["where is my order", "send me the bill"]
    assert sum(lines[0]["scores"].values()) == pytest.approx(1.0, abs=1e-6)
    assert lines[0]["score"] == max(lines[0]["scores"].values())


def test_pulled_files_answer_without_this_project(
    coldpress: Coldpress, tiny_run: dict[str, Any], tmp_path: Path
) -> None:
    target = tmp_path / "model"
    assert coldpress("pull", "tiny/1", str(target)).code == 0
    portable = {"config.json", "tokenizer_config.json", "special_tokens_map.json"}
    files = {"model.onnx", "tokenizer.json", "predictor.py", *portable}
    assert files <= {path.name for path in target.iterdir()}
    assert coldpress("pull", "tiny/1", str(target)).code == 2


def test_mlflow_serves_the_registered_model_without_torch_or_this_project(
    coldpress: Coldpress, tiny_run: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("torch", "transformers", "coldpress", "tasks", "flows"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not needed to serve')")
    code = """
import json, mlflow, pandas
model = mlflow.pyfunc.load_model("models:/tiny/1")
texts = pandas.DataFrame({"text": ["where is my order", "the bill"]})
print(json.dumps(model.predict(texts)))
"""
    store = f"sqlite:///{coldpress.home / 'state' / 'mlflow.db'}"
    also = {"PYTHONPATH": str(tmp_path), "MLFLOW_TRACKING_URI": store}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**coldpress.environment, **also},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    first, second = json.loads(result.stdout.splitlines()[-1])
    assert (first["text"], second["text"]) == ("where is my order", "the bill")
    assert first["label"] in first["scores"]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("run", "./tiny.yaml", "--set", "prune.0.keep_neurons=2"), "prune.0.keep_neurons"),
        (("run", "./absent.yaml"), "./absent.yaml"),
        (("run", "./tiny.yaml", "--set", "distill.student.layers=9"), "distill.student.layers"),
        (("run", "./tiny.yaml", "--set", "teacher.model=./nowhere"), "teacher.model"),
        (("run", "./tiny.yaml", "--jason", "x"), "--jason"),
        (("predict", "nobody", "text"), "nobody"),
        (("predict", "tiny-student", "text"), "tiny-student"),
        (("predict", "tiny", "text", "--pair", "second"), "--pair"),
        (("run", "./tiny.yaml", "--json", "."), "--json"),
        (("lineage", "tiny@nobody"), "tiny@nobody"),
    ],
)
def test_wrong_input_is_one_line_that_names_it(
    coldpress: Coldpress, tiny_run: dict[str, Any], words: tuple[str, ...], field: str
) -> None:
    result = coldpress(*words)
    assert result.code == 2
    assert len(result.error.splitlines()) == 1, result.error
    assert field in result.error


def test_a_refused_run_still_writes_its_outcome(coldpress: Coldpress, tmp_path: Path) -> None:
    path = tmp_path / "refused.json"
    result = coldpress("run", "./tiny.yaml", "--set", "seed=-1", "--json", str(path))
    outcome = json.loads(path.read_text())
    assert result.code == 2
    assert statuses(outcome) == ["skipped"] * 7
    assert outcome["flow_run_id"] is None


def test_wrong_input_that_only_the_stage_can_see_is_still_one_line(
    coldpress: Coldpress, tiny: Classifier, tmp_path: Path
) -> None:
    """The weights of a hub model are downloaded by the stage that needs them."""
    save_classifier(tiny, tmp_path)
    save_file({"nothing": np.zeros(1)}, tmp_path / "model.safetensors", {"format": "pt"})
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with serve_hub(tmp_path / "hub") as hub:
        hub.add("models", "tiny/encoder", files)
        also = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "cache")}
        result = coldpress("run", "./tiny.yaml", "--set", "teacher.model=tiny/encoder", also=also)
    assert result.code == 2
    (line,) = result.error.splitlines()
    reason = "the weights have fewer layers than num_hidden_layers 2"
    assert line == f"coldpress: teacher.model: tiny/encoder: {reason}"
    errors = coldpress.ask_prefect("logs/filter", {"logs": {"level": {"ge_": 40}}})
    messages = [row["message"] for row in errors]
    messages = [text for text in messages if "the weights have fewer" in text]
    assert any("train_teacher failed: teacher.model: " in text for text in messages)
    assert not any("Traceback" in text for text in messages)


def test_a_fault_of_our_own_keeps_its_traceback(coldpress: Coldpress, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no torch today')")
    also = {"PYTHONPATH": str(tmp_path)}
    result = coldpress("run", "./tiny.yaml", "--set", "seed=77", also=also)
    assert result.code == 1
    assert "Traceback (most recent call last)" in result.error
    assert "ImportError: no torch today" in result.error
