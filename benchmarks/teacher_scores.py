"""Scores of a recipe's teacher on the test rows, for comparison with published values.

    python benchmarks/teacher_scores.py RECIPE [--set KEY=VALUE ...] [--bf16]

The teacher must not need training (`teacher.epochs: 0`). Nothing is distilled and nothing is
registered. Prints one JSON line with each metric and the seconds that it took. `--bf16` computes in
bfloat16, which takes half the time on processors that support it.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from coldpress.benchmark.loading import load_benchmark
from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.evaluation.outputs import run_on_test
from coldpress.kinds.kind import Outputs
from coldpress.recipe.loading import load_recipe
from coldpress.recipe.recipe import Recipe
from coldpress.teacher.build import build_teacher

BATCH = 16


def main() -> None:
    """Print the scores of the recipe's teacher."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--bf16", action="store_true")
    arguments = parser.parse_args()
    start = time.perf_counter()
    try:
        recipe = load_recipe(arguments.recipe, arguments.set)
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bf16):
            scores = score_teacher(recipe)
    except InputError as error:
        parser.error(str(error))
    print(json.dumps({**scores, "seconds": round(time.perf_counter() - start)}))


def score_teacher(recipe: Recipe) -> dict[str, float]:
    """Compute each metric of the recipe's kind on the test rows.

    Args:
        recipe: Its teacher does not need training.

    Raises:
        InputError: The teacher needs training, or a field, file or row is invalid.
    """
    if recipe.model_teacher.epochs:
        raise InputError("teacher.epochs: not 0, so the teacher needs training")
    benchmark = load_benchmark(recipe.benchmark, recipe.seed)
    teacher = build_teacher(recipe.model_teacher, benchmark, recipe.benchmark.max_tokens)

    def outputs(split: Split) -> Outputs:
        return teacher.logits(encode(teacher.tokenizer, split), BATCH).numpy()

    run = run_on_test(benchmark, outputs)
    return benchmark.kind.scores(run.outputs, benchmark.test.target_array)


if __name__ == "__main__":
    main()
