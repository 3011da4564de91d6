"""What a recipe's `preset` fills in where the recipe says nothing itself.

The rules are in docs/recipes.md. `min_epoch_steps` makes epochs of few rows longer, so that a
preset trains for a number of steps: with 5,000 rows and batches of 32, an epoch of 150 steps is one
pass. In `accurate` and `fast`, these steps see variants of the texts where rows are few: with 500
labelled rows of SST-2, a student of three layers keeps 98.7 % with nine variants of each text, and
96.3 % without. The students of `tiny` learn from many texts that are crossed with others, without
dropout: with it, a student of two layers and a width of 256 has 1.8 points less on TREC's
validation split. A convolution comes as near to its teacher as two layers of 192, in two thirds of
their time. Students with layers keep all tokens of these texts in a table that is factored from the
start, since removed words cost more than a low rank, and a smaller table trains in half of the time
(docs/log.md, 2026-12-01).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_VARIANTS = {"augment": {"copies": 9, "max_rows": 5000}}
_CROSSED_VARIANTS = {"augment": {"copies": 3, "crossovers": 30, "max_rows": 200_000}}

CONVOLUTION: Mapping[str, Any] = {
    "method": "convolution",
    "width": 96,
    "window": 5,
    "filters": 512,
    "temperature": 4,
    "alpha": 0.9,
    "epochs": 4,
    "learning_rate": 2e-3,
    "batch_size": 64,
    "min_epoch_steps": 1000,
}
"""The `distill` section of `tiny` where single texts are classified; there is nothing to prune."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # No measurable loss: most layers, heads and neurons stay.
    "accurate": {
        "soft_targets": _VARIANTS,
        "distill": {
            "method": "logits",
            "student": {"layers": 4, "take": "every-other"},
            "temperature": 4,
            "alpha": 0.9,
            "epochs": 6,
            "min_epoch_steps": 150,
        },
        "prune": [
            {"method": "neurons", "keep_neurons": 0.75},
            {"method": "heads", "keep_heads": 0.75},
        ],
        "quantize": {"method": "dynamic-int8"},
    },
    # At least 99 % of the teacher's score.
    "fast": {
        "soft_targets": _VARIANTS,
        "distill": {
            "method": "logits",
            "student": {"layers": 3, "take": "every-other"},
            "temperature": 4,
            "alpha": 0.9,
            "epochs": 6,
            "min_epoch_steps": 150,
        },
        "prune": [
            {"method": "neurons", "keep_neurons": 0.5},
            {"method": "heads", "keep_heads": 0.5},
            {"method": "vocabulary"},
        ],
        "quantize": {"method": "static-int8"},
    },
    # At least 97 % of the teacher's score.
    "tiny": {
        "soft_targets": _CROSSED_VARIANTS,
        "distill": {
            "method": "logits",
            "student": {
                "layers": 2,
                "width": 192,
                "heads": 4,
                "neurons": 256,
                "embedding_rank": 44,
            },
            "temperature": 4,
            "alpha": 0.9,
            "epochs": 2,
            "learning_rate": 5e-4,
            "batch_size": 64,
            "min_epoch_steps": 2000,
            "dropout": 0,
            "freeze_embeddings": False,
        },
        "prune": [{"method": "vocabulary"}],
        "quantize": {"method": "static-int8"},
    },
}
