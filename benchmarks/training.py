"""The training loop compared with `transformers.Trainer`: same model, data, batch, epochs and rate.

    python benchmarks/training.py --model DIR --train FILE --test FILE

Each trainer runs in a process of its own, alternating. The table gives seconds of training,
examples per second and accuracy on the test file with its 95 % interval.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldpress.kinds import TEXT_CLASSIFICATION
from tasks.environment import openmp

if TYPE_CHECKING:
    from coldpress.benchmark.loading import Benchmark
    from coldpress.model.classifier import Classifier
    from coldpress.teacher.spec import Teacher

SEED = 0
CONTESTANTS = ("coldpress", "trainer-fp32", "trainer-bf16")
PEER_SETTINGS = (
    "Trainer: default collator with dynamic padding, sdpa attention, fused AdamW, linear decay, "
    "10 % warm-up, gradients clipped at 1.0, nothing frozen, no evaluation while training"
)


def main() -> None:
    """Run every trainer and print the table."""
    options = _options()
    if options.contestant:
        sys.stdout.write(json.dumps(_run(options)) + "\n")
        return
    print(PEER_SETTINGS)
    print(f"threads {os.cpu_count()}, batch {options.batch}, epochs {options.epochs}, seed {SEED}")
    print(f"{'contestant':14}{'rows':>8}{'seconds':>10}{'rows/s':>9}{'accuracy':>10}  interval")
    for _ in range(options.rounds):
        for contestant in CONTESTANTS:
            print(_row(contestant, _run_process(contestant)), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--bf16-steps", type=int, help="stop Trainer in bf16 after these steps")
    parser.add_argument("--contestant", choices=CONTESTANTS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run_process(contestant: str) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--contestant", contestant]
    # With the environment of its users: the loop with what `coldpress run` sets, Trainer without.
    own = openmp.wait_policy() if contestant == "coldpress" else {}
    quiet = {**os.environ, **own, "HF_HUB_OFFLINE": "1"}
    process = subprocess.run(command, env=quiet, stdout=subprocess.PIPE, check=True, text=True)
    result: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return result


def _row(contestant: str, result: dict[str, Any]) -> str:
    speed = result["rows"] / result["seconds"]
    scores = f"{result['accuracy']:>10.3f}  {result['low']:.3f} to {result['high']:.3f}"
    return f"{contestant:14}{result['rows']:>8}{result['seconds']:>10.1f}{speed:>9.1f}{scores}"


def _run(options: argparse.Namespace) -> dict[str, Any]:
    from coldpress.benchmark import loading
    from coldpress.data.encoding import encode
    from coldpress.evaluation.statistics.paired import accuracy_interval
    from coldpress.kinds import TextClassificationBenchmark
    from coldpress.teacher import build
    from coldpress.teacher.spec import Teacher
    from coldpress.training import loop

    source = {"origin": "files", "train": options.train, "test": options.test}
    section = TextClassificationBenchmark.model_validate(
        {"kind": "text-classification", "source": source}
    )
    data = loading.load_benchmark(section, SEED)
    teacher = Teacher.model_validate(
        {
            "model": {"origin": "directory", "path": options.model},
            "epochs": options.epochs,
            "learning_rate": options.rate,
            "batch_size": options.batch,
        }
    )
    loop.reseed(SEED, "train_teacher")
    classifier = build.build_teacher(teacher, data, section.max_tokens)
    train = _coldpress if options.contestant == "coldpress" else _trainer
    rows, seconds = train(classifier, data, teacher, options)
    test = encode(classifier.tokenizer, data.test)
    correct = int((classifier.logits(test).argmax(-1).numpy() == test.targets).sum())
    interval = accuracy_interval(correct, len(test))
    accuracy = correct / len(test)
    return {
        "rows": rows,
        "seconds": seconds,
        "accuracy": accuracy,
        "low": interval.low,
        "high": interval.high,
    }


def _coldpress(
    classifier: Classifier, data: Benchmark, teacher: Teacher, options: argparse.Namespace
) -> tuple[int, float]:

    from coldpress.data.encoding import encode
    from coldpress.training import loop

    started = time.perf_counter()
    train = encode(classifier.tokenizer, data.train)
    # Trainer does not evaluate while it trains, so the loop gets a validation split of one batch.
    sample = data.validation.take(range(min(teacher.batch_size, len(data.validation))))
    validation = encode(classifier.tokenizer, sample)
    loss = loop.target_loss(TEXT_CLASSIFICATION, train.targets)
    loop.fit(classifier, train, loss, teacher, validation)
    return len(train) * options.epochs, time.perf_counter() - started


def _trainer(
    classifier: Classifier, data: Benchmark, teacher: Teacher, options: argparse.Namespace
) -> tuple[int, float]:
    import torch
    from datasets import Dataset
    from transformers import (
        DataCollatorWithPadding,
        PreTrainedTokenizerFast,
        Trainer,
        TrainingArguments,
    )

    bf16 = options.contestant == "trainer-bf16"
    classifier.module.set_attn_implementation("sdpa")  # type: ignore[operator]
    wrap: Any = PreTrainedTokenizerFast
    tokenizer = wrap(tokenizer_object=classifier.tokenizer, pad_token="[PAD]")
    started = time.perf_counter()
    columns = {"text": list(data.train.texts), "labels": list(data.train.targets)}
    rows = Dataset.from_dict(columns).map(
        lambda batch: tokenizer(batch["text"]), batched=True, remove_columns=["text"]
    )
    with tempfile.TemporaryDirectory() as directory:
        arguments = TrainingArguments(
            output_dir=directory,
            per_device_train_batch_size=teacher.batch_size,
            num_train_epochs=teacher.epochs,
            learning_rate=teacher.learning_rate,
            warmup_steps=0.1,
            weight_decay=0.01,
            optim="adamw_torch_fused",
            bf16=bf16,
            use_cpu=not torch.cuda.is_available(),
            max_steps=options.bf16_steps if bf16 and options.bf16_steps else -1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=SEED,
        )
        trainer = Trainer(
            model=classifier.module,
            args=arguments,
            train_dataset=rows,
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        trainer.train()
    limited = bf16 and options.bf16_steps
    examples = options.bf16_steps * options.batch if limited else len(data.train) * options.epochs
    return examples, time.perf_counter() - started


if __name__ == "__main__":
    main()
