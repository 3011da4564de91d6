"""Soft targets of many short rows, beside a `transformers.Trainer.predict` loop.

    python benchmarks/many_rows.py --rows 100000 300000

From the file of texts to stored logits: reading, tokens, a tiny teacher from scratch. Each
contestant runs in a process of its own, one after the other. Coldpress also leaves out test and
validation texts, numbers rows and stores shards. The memory is the peak of resident memory
(VmHWM), with the libraries.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.data.sources import SyntheticSource
from coldpress.kinds.text_classification import TextClassificationBenchmark

if TYPE_CHECKING:
    from coldpress.benchmark.loading import Benchmark

SECTION = TextClassificationBenchmark(
    kind="text-classification",
    source=SyntheticSource(origin="synthetic", train_examples=600, test_examples=200),
    max_tokens=32,
)
SIZES: dict[str, Any] = {
    "origin": "scratch",
    "layers": 2,
    "hidden_size": 64,
    "heads": 2,
    "neurons": 256,
    "vocabulary_size": 1000,
}
WORDS = 6


def main() -> None:
    """Run every contestant on files of several sizes, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=[*CONTESTANTS])
    parser.add_argument("--in-process", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_process:
        print(json.dumps(_measure(options.contestants[0], options.in_process)))
        return
    print(f"{'contestant':18}{'rows':>9}{'seconds':>9}{'rows/s':>9}{'cpu s':>9}{'peak MB':>9}")
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), rows)
            for name in options.contestants:
                result = run_contestant(name, Path(folder))
                speed = rows / result["seconds"]
                figures = f"{result['seconds']:9.1f}{speed:9.0f}{result['cpu']:9.1f}"
                print(f"{name:18}{rows:9}{figures}{result['peak_mb']:9.0f}", flush=True)


def prepare(folder: Path, rows: int) -> None:
    """Write the rows and the teacher.

    Args:
        folder: An empty folder.
        rows: Number of rows.
    """
    from coldpress.model import serialization
    from coldpress.model.checkpoint import Manifest
    from coldpress.teacher import build
    from coldpress.teacher.spec import Teacher
    from coldpress.training.loop import reseed

    benchmark = _benchmark()
    words = sorted({word for text in benchmark.train.texts for word in text.split()})
    generator = random.Random(0)
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for _ in range(rows):
            text = " ".join(generator.choices(words, k=WORDS))
            file.write(json.dumps({"text": text}) + "\n")
    reseed(0, "train_teacher")
    teacher = Teacher.model_validate({"model": SIZES, "freeze_embeddings": False})
    classifier = build.build_teacher(teacher, benchmark, SECTION.max_tokens)
    serialization.write_checkpoint(classifier, folder / "teacher", Manifest(stage="train_teacher"))


def run_contestant(name: str, folder: Path) -> dict[str, float]:
    """Measure a contestant in a process of its own.

    Args:
        name: One of `CONTESTANTS`.
        folder: With the rows and the teacher.

    Returns:
        Seconds and processor seconds without imports, and the peak of memory in MB.
    """
    command = [sys.executable, __file__, "--contestants", name, "--in-process", str(folder)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, float] = json.loads(output.splitlines()[-1])
    return result


def _measure(name: str, folder: Path) -> dict[str, float]:
    run = CONTESTANTS[name]
    import torch  # noqa: F401
    import transformers  # noqa: F401

    start, cpu = time.perf_counter(), time.process_time()
    run(folder)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {"seconds": seconds, "cpu": cpu, "peak_mb": peak_memory()}


def peak_memory() -> float:
    """Return the peak of this process's resident memory in MB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


def _benchmark() -> Benchmark:
    from coldpress.benchmark.loading import load_benchmark

    return load_benchmark(SECTION, 0)


def soft_targets(folder: Path, engine: str) -> None:
    """Compute soft targets as the stage does.

    Args:
        folder: With the rows and the teacher; shards and results are written to it.
        engine: `local` or `ray`.
    """
    from coldpress.benchmark.loading import transfer_set
    from coldpress.benchmark.unlabelled import read_filtered_unlabelled
    from coldpress.distillation.shards import job, local, merge, ray_data

    benchmark = _benchmark()
    unlabelled = read_filtered_unlabelled(benchmark, folder / "rows.jsonl", SECTION.columns, folder)
    rows = transfer_set(benchmark, unlabelled)
    stage = folder / engine
    stage.mkdir()
    job.write_rows(rows, stage)
    shards = job.ShardJob(stage, folder / "teacher", 1, hidden_states=False)
    if engine == "ray":
        ray_data.compute_shards(shards, 0)
    else:
        local.compute_shards(shards)
    merge.merge_shards(lambda: job.read_shards([shards]), rows, stage)


def trainer_predict(folder: Path, batch_size: int) -> None:
    """Predict the rows with `Trainer`, as its documentation shows.

    Args:
        folder: With the rows and the teacher.
        batch_size: Rows in a forward pass.
    """
    import numpy as np
    from datasets import load_dataset
    from transformers import (
        AutoModelForSequenceClassification,
        DataCollatorWithPadding,
        PreTrainedTokenizerFast,
        Trainer,
        TrainingArguments,
    )

    file = str(folder / "teacher" / "tokenizer.json")
    tokenizer: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=file, pad_token="[PAD]", model_max_length=SECTION.max_tokens
    )
    cache = str(folder / f"cache-{batch_size}")
    rows = load_dataset(
        "json", data_files=str(folder / "rows.jsonl"), split="train", cache_dir=cache
    )
    rows = rows.map(
        lambda part: tokenizer(part["text"], truncation=True), batched=True, remove_columns="text"
    )
    trainer = Trainer(
        AutoModelForSequenceClassification.from_pretrained(folder / "teacher"),
        TrainingArguments(
            output_dir=str(folder / "trainer"),
            per_device_eval_batch_size=batch_size,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        ),
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    np.save(folder / f"trainer-{batch_size}.npy", trainer.predict(rows).predictions)


CONTESTANTS: dict[str, Callable[[Path], None]] = {
    "coldpress local": partial(soft_targets, engine="local"),
    "coldpress ray": partial(soft_targets, engine="ray"),
    "trainer batch 64": partial(trainer_predict, batch_size=64),
    "trainer batch 8": partial(trainer_predict, batch_size=8),
}


if __name__ == "__main__":
    main()
