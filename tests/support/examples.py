"""A version of which everything was measured, built by hand."""

from __future__ import annotations

from dataclasses import replace

from coldpress.evaluation.performance.contention import Contention
from coldpress.evaluation.scorecard.base import Bounds
from coldpress.evaluation.scorecard.flip import Flip
from coldpress.evaluation.scorecard.precision import PartPrecision
from coldpress.evaluation.scorecard.scorecard import (
    ClassScore,
    Comparison,
    Evaluation,
    Group,
    GroupKind,
    Interval,
    Percentiles,
    ReliabilityBin,
    Runtime,
    Scorecard,
)
from coldpress.evaluation.scorecard.serving import Invariance, PredictionChange, Serving
from coldpress.gate.verdict import Check, Verdict
from coldpress.recipe.recipe import Recipe
from coldpress.report.findings import Findings
from coldpress.schema.lineage import Ancestor

HOSTILE = "<script>alert('x')</script>"
"""What a user may have written into a label, a text or a column."""

_BINS = (
    ReliabilityBin(n=14, confidence=0.45, accuracy=0.5),
    ReliabilityBin(n=60, confidence=0.7, accuracy=0.8),
    ReliabilityBin(n=426, confidence=0.97, accuracy=0.98),
)
_BINS_OF_TEACHER = (
    ReliabilityBin(n=10, confidence=0.55, accuracy=0.4),
    ReliabilityBin(n=30, confidence=0.8, accuracy=0.7),
    ReliabilityBin(n=460, confidence=0.99, accuracy=0.98),
)

SECTIONS = [
    "gate",
    "waterfall",
    "trade-offs",
    "equity",
    "reliability",
    "invariance",
    "cost",
    "flips",
    "comparisons",
    "lineage",
    "recipe",
    "conditions",
]
"""Of a report of which nothing is left out, below its headline."""


def card(
    accuracy: float, size: int, p50: float | None, runtime: Runtime = "torch", n: int = 500
) -> Scorecard:
    """A scorecard of a chain whose teacher is right in 95.2 % and has 90.6 MB."""
    difference = accuracy - 0.952
    return Scorecard(
        accuracy=accuracy,
        macro_f1=accuracy - 0.02,
        parameters=size // 4,
        bytes=size,
        macs_per_token=size // 8,
        latency_ms=None if p50 is None else Percentiles(p50=p50, p95=1.2 * p50, p99=2 * p50),
        end_to_end_ms=None if p50 is None else p50 + 0.1,
        batch=None if p50 is None else 1,
        threads=None if p50 is None else 1,
        runtime=runtime,
        per_class={
            "LOC": ClassScore(n=81, precision=0.95, recall=0.94, f1=0.945),
            HOSTILE: ClassScore(n=9, precision=0.9, recall=0.74, f1=0.81),
        },
        calibration_error=0.021,
        retention=accuracy / 0.952,
        agreement=0.974,
        difference=Interval(estimate=difference, low=difference - 0.014, high=difference + 0.014),
        speedup=None if p50 is None else 6.8 / p50,
        speedup_same_runtime=None if p50 is None else 3.1 / p50,
        compression=90_600_000 / size,
        truncated=0,
        reliability=_BINS,
    )


def group(kind: GroupKind, name: str, n: int, drop: float, p: float) -> Group:
    """A group that lost `drop`, with an interval of five points on either side."""
    return Group(
        kind=kind,
        name=name,
        n=n,
        before=0.96,
        after=round(0.96 - drop, 4),
        difference=Interval(estimate=-drop, low=-drop - 0.05, high=-drop + 0.05),
        p=p,
        p_adjusted=min(1.0, 5 * p),
        detectable_drop=None if n < 10 else 0.06,
    )


def compared(
    model: str, baseline: str, wins: int, losses: int, low: float, high: float, p: float
) -> Comparison:
    """Two models on 500 rows."""
    return Comparison(
        model=model,
        baseline=baseline,
        n=500,
        difference=Interval(estimate=(wins - losses) / 500, low=low, high=high),
        mcnemar_p=p,
        only_model_right=wins,
        only_baseline_right=losses,
    )


def evaluation() -> Evaluation:
    """Five models on 500 rows; the last one deployable."""
    final = card(0.948, 4_200_000, 0.31, "onnxruntime").model_copy(
        update={
            "temperature": 1.37,
            "invariance": Invariance(
                rows=200,
                batch=PredictionChange(largest_logit=0.021, labels=0.005),
                padding=PredictionChange(largest_logit=0.018, labels=0.0),
                threads=PredictionChange(largest_logit=0.0, labels=0.0),
            ),
            "serving": Serving(
                throughput=5210.0,
                throughput_batch=16,
                cold_start_ms=412.0,
                peak_memory_bytes=94_000_000,
                price_per_core_hour=0.04,
                cost_per_million=0.0021,
                joules_per_text=None,
            ),
        }
    )
    return Evaluation(
        n=500,
        overlap=3,
        models={
            "teacher": card(0.952, 90_600_000, 6.8).model_copy(
                update={"reliability": _BINS_OF_TEACHER, "calibration_error": 0.034}
            ),
            "student": card(0.954, 71_000_000, 3.5),
            "pruned": card(0.946, 58_000_000, 2.2),
            "quantized": card(0.948, 15_100_000, None, "simulated"),
            "onnx": final,
        },
        comparisons=(
            compared("student", "teacher", 6, 5, -0.01, 0.014, 1.0),
            compared("pruned", "student", 3, 7, -0.02, 0.004, 0.344),
            compared("pruned", "teacher", 5, 30, -0.07, -0.03, 0.0002),
            compared("onnx", "teacher", 8, 10, -0.018, 0.01, 0.815),
        ),
        equity=(
            group("class", "label LOC", 81, 0.01, 0.5),
            group("class", f"label {HOSTILE}", 9, 0.22, 0.004),
            group("class", "label HUM", 65, 0.0, 1.0),
            group("length", "9 to 16 words", 240, -0.01, 1.0),
            group("column", "source = web forum", 41, 0.05, 0.11),
        ),
        conditions={
            "processor": "AMD EPYC 9354P",
            "threads": "1",
            "onnxruntime": "1.31.1",
        },
    )


def flips() -> tuple[Flip, ...]:
    """A hundred and three rows that were lost; the first one is hostile."""
    texts = [f"{HOSTILE} what is the capital of Yugoslavia ?"]
    texts += [f"How many miles is it from London to Plymouth , by road {n} ?" for n in range(102)]
    return tuple(
        Flip(
            id=f"row-{n}",
            text=text,
            text_pair="and by rail ?" if n == 1 else None,
            label="LOC",
            answer=HOSTILE if n == 0 else "NUM",
            score=0.61,
            lost_at="pruned",
        )
        for n, text in enumerate(texts)
    )


def lineage() -> Ancestor:
    """From the ONNX file to the dataset."""
    data = Ancestor(stage="dataset", name="trec", digest="0d" * 32)
    teacher = Ancestor(
        stage="train_teacher",
        name="trec-teacher/1",
        digest="1a" * 32,
        metrics={"validation_accuracy": 0.9615},
        seconds=210.0,
        run="http://localhost:5000/#/experiments/1/runs/abc",
        parents=(data,),
    )
    student = Ancestor(
        stage="distill_student", name="trec-student/2", digest="2b" * 32, parents=(teacher,)
    )
    return Ancestor(
        stage="export_onnx",
        name="trec/3",
        digest="3c" * 32,
        metrics={"bytes": 4_200_000.0},
        seconds=9.5,
        run="javascript:alert(1)",
        parents=(student,),
    )


def verdict() -> Verdict:
    """One check of three is broken."""
    checks = (
        Check(name="parity", value=0.0, bound=1e-3, passed=True, sentence="Graph and torch agree."),
        Check(
            name="max_drop",
            value=-0.018,
            bound=-0.03,
            passed=True,
            sentence="At most 1.8 points are lost.",
        ),
        Check(
            name="max_class_drop",
            value=0.22,
            bound=0.1,
            passed=False,
            sentence=f"label {HOSTILE} loses 22.0 points of 9 rows, p = 0.020 after Holm.",
        ),
    )
    return Verdict(passed=False, checks=checks)


def recipe() -> Recipe:
    """A recipe whose column has a hostile name."""
    return Recipe.model_validate(
        {
            "name": "trec",
            "benchmark": {
                "kind": "text-classification",
                "source": {"origin": "files", "train": "train.jsonl", "test": "test.jsonl"},
                "columns": {"text": HOSTILE, "label": "label"},
            },
            "teacher": {"model": {"origin": "hub", "id": "some/encoder", "revision": "c0ffee"}},
            "distill": {"method": "logits", "student": {"layers": 3}},
            "prune": [
                {"method": "neurons", "keep_neurons": 0.5},
                {"method": "heads", "keep_heads": 0.5},
            ],
            "quantize": {"method": "dynamic-int8"},
            "gate": {"max_class_drop": 0.1},
        }
    )


def findings() -> Findings:
    """Everything at once."""
    return Findings("trec", "3", recipe(), evaluation(), verdict(), flips(), lineage())


def two_processors() -> Findings:
    """Evaluated on two processors; the second one is twice as slow."""
    first = evaluation()
    onnx = first.models["onnx"].model_copy(
        update={"latency_ms": Percentiles(p50=0.62, p95=0.75, p99=1.0)}
    )
    second = first.model_copy(
        update={
            "models": {**first.models, "onnx": onnx},
            "conditions": {**first.conditions, "processor": "arm | <b>"},
        }
    )
    return replace(findings(), other_evaluations=(second,))


def bare() -> Findings:
    """A teacher and a final model, and nothing that is optional."""
    models = {
        name: evaluation()
        .models[name]
        .model_copy(update={"reliability": (), "invariance": None, "serving": None})
        for name in ("teacher", "onnx")
    }
    little = Evaluation(n=500, overlap=0, models=models, comparisons=())
    return Findings("trec", "3", recipe(), little)


def quantized() -> Findings:
    """The same, whose final model says what its parts compute in."""
    result = bare()
    tables = PartPrecision(
        parts=("embeddings",), weight_bits=4, activation_bits=None, computes_in="x"
    )
    layers = PartPrecision(
        parts=("a", "b"), weight_bits=3, activation_bits=8, computes_in="int8, y"
    )
    final = result.final.model_copy(update={"computes_in": (tables, layers)})
    models = {**result.evaluation.models, "onnx": final}
    return replace(result, evaluation=result.evaluation.model_copy(update={"models": models}))


def busy(speedup: Bounds | None) -> Findings:
    """The same as `bare`, timed beside other work; without an interval nothing was determined."""
    result = bare()
    beside = Contention(
        cpu_share=0.41, interrupted=0.6, others=0.98, steal=0.0, waiting=0.9, load=4.2
    )
    timed = {
        "contention": beside,
        "speedup": None if speedup is None else 20.0,
        "speedup_interval": speedup,
        "speedup_undetermined": "its interval would span a factor of 7.2",
    }
    if speedup is not None:
        timed["speedup_undetermined"] = None
    models = {**result.evaluation.models, "onnx": result.final.model_copy(update=timed)}
    return replace(result, evaluation=result.evaluation.model_copy(update={"models": models}))
