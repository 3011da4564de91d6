"""Five models on eight texts, with every number of the scorecards worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import Batch, EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.evaluation import Evaluate, Latency
from coldpress.evaluation.candidate import Candidate, torch_candidate
from coldpress.evaluation.evaluate import EvaluationResult, evaluate_candidates
from coldpress.evaluation.performance.latency import torch_threads
from coldpress.evaluation.scorecard.base import Bounds
from coldpress.evaluation.scorecard.scorecard import Evaluation, Interval, Runtime
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.classifier import Classifier

LABELS = (0, 0, 0, 0, 1, 1, 1, 1)
TEACHER = (0, 0, 0, 0, 1, 1, 1, 0)
STUDENT = (0, 0, 0, 1, 1, 1, 1, 1)
PRUNED = (0, 0, 0, 1, 0, 0, 0, 1)
NONE = Split((), (), None, ())


class _Clock(Protocol):
    now: float
    elsewhere: float


@pytest.fixture
def benchmark() -> Benchmark:
    texts = ("cold", "press", "olive", "oil", "slow", "warm", "fast", "stone")
    test = Split(tuple(f"t{n}" for n in range(8)), texts, None, LABELS)
    return Benchmark(TEXT_CLASSIFICATION, ("cold", "warm"), NONE, NONE, test, "digest", overlap=2)


@pytest.fixture
def encoded(benchmark: Benchmark, tokenizer: Tokenizer) -> EncodedSplit:
    return replace(encode(tokenizer, benchmark.test), truncated=3)


def _candidate(
    name: str, parent: str | None, predicted: Sequence[int], rows: EncodedSplit, size: int
) -> Candidate:
    logits: NDArray[np.float64] = np.eye(2)[list(predicted)]
    return Candidate(
        name=name,
        parent=parent,
        runtime="simulated",
        test=rows,
        encode=lambda split: replace(rows, input_ids=rows.input_ids[: len(split)]),
        outputs=lambda encoded: logits[: len(encoded)],
        forward=None,
        end_to_end=None,
        bytes=size,
        parameters=size // 4,
        macs_per_token=10,
    )


def _timed(candidate: Candidate, runtime: Runtime, clock: _Clock, milliseconds: float) -> Candidate:
    """A candidate that advances the clock, 1 ms more per text end to end."""

    def forward(batch: Batch) -> None:
        clock.now += milliseconds / 1e3 * len(batch.rows)

    def end_to_end(texts: Sequence[str], _: Sequence[str] | None) -> None:
        clock.now += (milliseconds + 1) / 1e3 * len(texts)

    return replace(candidate, runtime=runtime, forward=forward, end_to_end=end_to_end)


@pytest.fixture
def result(benchmark: Benchmark, encoded: EncodedSplit, clock: _Clock) -> EvaluationResult:
    teacher = _candidate("teacher", None, TEACHER, encoded, 800)
    student = _candidate("student", "teacher", STUDENT, encoded, 400)
    pruned = _candidate("pruned", "student", PRUNED, encoded, 200)
    quantized = _candidate("quantized", "pruned", PRUNED, encoded, 100)
    onnx = _candidate("onnx", "quantized", PRUNED, encoded, 100)
    candidates = (
        _timed(teacher, "torch", clock, 12),
        _timed(student, "torch", clock, 6),
        _timed(pruned, "torch", clock, 4),
        quantized,
        _timed(onnx, "onnxruntime", clock, 0.5),
    )
    section = Evaluate(latency=Latency(batch=2, rounds=60))
    reference = _timed(teacher, "onnxruntime", clock, 3)
    return evaluate_candidates(benchmark, candidates, section, reference)


@pytest.fixture
def evaluation(result: EvaluationResult) -> Evaluation:
    return result.evaluation


def test_the_evaluation_names_split_and_models(evaluation: Evaluation) -> None:
    assert (evaluation.split, evaluation.n, evaluation.overlap) == ("test", 8, 2)
    assert list(evaluation.models) == ["teacher", "student", "pruned", "quantized", "onnx"]


def test_quality_is_measured_against_labels_and_teacher(
    evaluation: Evaluation,
) -> None:
    pruned = evaluation.models["pruned"]
    assert pruned.accuracy == 0.5
    assert pruned.retention == pytest.approx(0.5 / 0.875)
    assert pruned.agreement == 3 / 8
    assert pruned.difference is not None
    assert pruned.difference.estimate == -3 / 8
    assert pruned.per_class["warm"].recall == 0.25
    assert pruned.per_class["cold"].n == 4


def test_the_teacher_retains_its_accuracy(evaluation: Evaluation) -> None:
    teacher = evaluation.models["teacher"]
    assert (teacher.accuracy, teacher.retention, teacher.agreement) == (0.875, 1.0, 1.0)
    assert (teacher.speedup, teacher.compression) == (1.0, 1.0)
    assert teacher.difference == Interval(estimate=0.0, low=0.0, high=0.0)


def test_speedup_is_over_the_torch_teacher_and_over_the_one_in_the_same_runtime(
    evaluation: Evaluation,
) -> None:
    onnx = evaluation.models["onnx"]
    assert onnx.speedup == pytest.approx(24)
    assert onnx.speedup_same_runtime == pytest.approx(6)
    assert evaluation.models["pruned"].speedup == pytest.approx(3)
    assert evaluation.models["pruned"].speedup_same_runtime is None


def test_speedups_have_an_interval_and_a_measure_of_contention(evaluation: Evaluation) -> None:
    onnx = evaluation.models["onnx"]
    teacher = evaluation.models["teacher"]
    assert onnx.speedup_interval is not None
    assert onnx.speedup_interval.model_dump() == pytest.approx(
        {"low": 24 / 1.16, "high": 24 * 1.16}
    )
    assert onnx.speedup_same_runtime_interval is not None
    assert onnx.speedup_same_runtime_interval.low == pytest.approx(6 / 1.16)
    assert onnx.speedup_undetermined is None
    assert onnx.contention is not None
    assert (onnx.contention.cpu_share, onnx.contention.attempts) == (1.0, 1)
    assert teacher.speedup_interval == Bounds(low=1.0, high=1.0)
    assert evaluation.models["pruned"].speedup_same_runtime_interval is None


def test_latency_is_that_of_a_whole_batch_with_and_without_tokenization(
    evaluation: Evaluation,
) -> None:
    onnx = evaluation.models["onnx"]
    assert onnx.latency_ms is not None
    assert onnx.latency_ms.model_dump() == pytest.approx({"p50": 1.0, "p95": 1.0, "p99": 1.0})
    assert onnx.end_to_end_ms == pytest.approx(3.0)
    assert (onnx.batch, onnx.threads, onnx.runtime) == (2, 1, "onnxruntime")


def test_a_simulated_model_has_accuracy_and_no_latency(evaluation: Evaluation) -> None:
    quantized = evaluation.models["quantized"]
    assert quantized.accuracy == 0.5
    assert quantized.runtime == "simulated"
    absent = ("latency_ms", "end_to_end_ms", "batch", "threads", "speedup", "speedup_same_runtime")
    assert [getattr(quantized, name) for name in absent] == [None] * 6
    assert (quantized.speedup_interval, quantized.contention) == (None, None)


def test_costs_are_those_of_the_candidate(evaluation: Evaluation) -> None:
    student = evaluation.models["student"]
    assert (student.bytes, student.parameters, student.macs_per_token) == (400, 100, 10)
    assert (student.compression, student.truncated) == (2.0, 3)


def test_every_model_is_compared_with_its_parent_and_with_the_teacher(
    evaluation: Evaluation,
) -> None:
    assert [(c.model, c.baseline) for c in evaluation.comparisons] == [
        ("student", "teacher"),
        ("pruned", "student"),
        ("pruned", "teacher"),
        ("quantized", "pruned"),
        ("quantized", "teacher"),
        ("onnx", "quantized"),
        ("onnx", "teacher"),
    ]


def test_a_comparison_counts_the_rows_that_only_one_model_predicts_correctly(
    evaluation: Evaluation,
) -> None:
    student, pruned = evaluation.comparisons[:2]
    assert (student.only_model_right, student.only_baseline_right) == (1, 1)
    assert (student.difference.estimate, student.mcnemar_p) == (0.0, 1.0)
    # Three losses, no gain: 2 x (1/2)^3. All are of one class, whose four rows lose
    # Binomial(4, 3/4) of them in a resample: P(0) = 0.004, P(0 or 1) = 0.051.
    assert (pruned.only_model_right, pruned.only_baseline_right, pruned.n) == (0, 3, 8)
    assert pruned.mcnemar_p == pytest.approx(0.25)
    assert pruned.difference == Interval(estimate=-3 / 8, low=-4 / 8, high=-1 / 8)


def test_macro_f1_is_compared_too(evaluation: Evaluation) -> None:
    # The student trades one error of warm for one of cold: F1 is 8/9 and 6/7 in either order.
    student, pruned = evaluation.comparisons[:2]
    assert student.macro_f1_difference is not None
    assert student.macro_f1_difference.estimate == pytest.approx(0)
    assert pruned.macro_f1_difference is not None
    # Pruned predicts cold six times, three correct, and warm twice, one correct.
    teacher = (8 / 9 + 6 / 7) / 2
    assert pruned.macro_f1_difference.estimate == pytest.approx((6 / 10 + 2 / 6) / 2 - teacher)


def test_the_final_model_is_compared_with_the_teacher_by_class(evaluation: Evaluation) -> None:
    cold, warm = evaluation.equity
    assert (cold.name, cold.n, cold.before, cold.after) == ("label cold", 4, 1.0, 0.75)
    assert (warm.name, warm.n, warm.before, warm.after) == ("label warm", 4, 0.75, 0.25)
    # One row lost: 1/2. Three lost and one won: (1 + 4) / 16, and Holm doubles the smaller.
    assert (cold.p, warm.p) == pytest.approx((0.5, 0.3125))
    assert (cold.p_adjusted, warm.p_adjusted) == pytest.approx((0.625, 0.625))


def test_declared_slices_follow_the_classes_and_found_ones_come_last(
    benchmark: Benchmark, encoded: EncodedSplit
) -> None:
    texts = tuple(f"{n} late" if n < 20 else f"{n} soon" for n in range(50))
    validation = Split(tuple(map(str, range(50))), texts, None, (0,) * 50)
    losing_logits = np.eye(2)[[1] * 20 + [0] * 30]

    def final_logits(split: Split) -> NDArray[np.float64]:
        return np.asarray(losing_logits if split is validation else np.eye(2)[list(STUDENT)])

    def teacher_logits(split: Split) -> NDArray[np.float64]:
        return np.asarray(np.eye(2)[[0] * 50 if split is validation else list(TEACHER)])

    teacher = _candidate("teacher", None, TEACHER, encoded, 8)
    onnx = _candidate("onnx", "teacher", STUDENT, encoded, 4)
    candidates = [replace(teacher, outputs=teacher_logits), replace(onnx, outputs=final_logits)]
    test = replace(benchmark.test, texts=(*benchmark.test.texts[:7], "late"))
    length = {"method": "length", "edges": [3]}
    pattern = {"method": "pattern", "name": "with o", "pattern": "o"}
    section = Evaluate.model_validate({"slices": [length, pattern]})
    sliced = replace(benchmark, test=test, validation=validation)
    groups = evaluate_candidates(sliced, candidates, section).evaluation.equity
    assert [(group.kind, group.name, group.n) for group in groups] == [
        ("class", "label cold", 4),
        ("class", "label warm", 4),
        ("length", "up to 3 words", 8),
        ("pattern", "with o", 4),
        ("found", 'with "late"', 1),
    ]


def test_predictions_and_flips_come_with_the_evaluation(result: EvaluationResult) -> None:
    predictions = result.predictions
    assert list(predictions.outputs) == ["teacher", "student", "pruned", "quantized", "onnx"]
    assert predictions.outputs["student"].argmax(axis=1).tolist() == list(STUDENT)
    assert (predictions.ids[0], predictions.names) == ("t0", ("cold", "warm"))
    # The student loses the fourth text, pruning three more; the teacher is wrong on the last.
    assert [(flip.text, flip.lost_at) for flip in result.flips] == [
        ("oil", "student"),
        ("slow", "pruned"),
        ("warm", "pruned"),
        ("fast", "pruned"),
    ]


def test_timing_conditions_are_recorded(evaluation: Evaluation) -> None:
    assert evaluation.conditions["batch"] == "2"
    assert evaluation.conditions["calls"] == "60"


def test_without_a_teacher_in_onnx_there_is_no_same_runtime(
    benchmark: Benchmark, encoded: EncodedSplit, clock: _Clock
) -> None:
    teacher = _timed(_candidate("teacher", None, TEACHER, encoded, 8), "torch", clock, 4)
    onnx = _timed(_candidate("onnx", "teacher", STUDENT, encoded, 4), "onnxruntime", clock, 1)
    section = Evaluate(latency=Latency(rounds=60))
    card = evaluate_candidates(benchmark, [teacher, onnx], section).evaluation.models["onnx"]
    assert card.speedup == pytest.approx(4)
    assert card.speedup_same_runtime is None


def test_real_models_are_timed_on_the_threads_of_the_recipe(
    benchmark: Benchmark, encoded: EncodedSplit, tiny: Classifier
) -> None:
    teacher = torch_candidate("teacher", None, tiny, encoded, 8)
    threads: list[int] = []

    def recording(batch: Batch) -> Any:  # noqa: ANN401
        threads.append(torch.get_num_threads())
        assert teacher.forward is not None
        return teacher.forward(batch)

    three_labels = replace(benchmark, labels=tiny.labels)
    section = Evaluate(latency=Latency(rounds=60, threads=1))
    with torch_threads(2):
        report = evaluate_candidates(
            three_labels, [replace(teacher, forward=recording)], section
        ).evaluation
        assert torch.get_num_threads() == 2
    latency = report.models["teacher"].latency_ms
    assert latency is not None
    assert 0 < latency.p50 <= latency.p95 <= latency.p99
    assert set(threads) == {1}


def test_second_texts_go_with_the_first_ones_and_batches_wrap_around(
    benchmark: Benchmark, encoded: EncodedSplit
) -> None:
    received: list[tuple[str, str]] = []

    def end_to_end(texts: Sequence[str], pairs: Sequence[str] | None) -> None:
        assert pairs is not None
        received.extend(zip(texts, pairs, strict=True))
        assert len(texts) == 3

    paired = replace(benchmark.test, pairs=tuple(text.upper() for text in benchmark.test.texts))
    teacher = replace(_candidate("teacher", None, TEACHER, encoded, 8), end_to_end=end_to_end)
    section = Evaluate(latency=Latency(batch=3, rounds=60))
    evaluate_candidates(replace(benchmark, test=paired), [teacher], section)
    assert {first for first, _ in received} == set(benchmark.test.texts)
    assert all(second == first.upper() for first, second in received)


def test_a_preempted_teacher_does_not_make_the_final_model_faster(
    benchmark: Benchmark, encoded: EncodedSplit, clock: _Clock
) -> None:
    """Of 44 ms the teacher computes for 11, the ONNX model for 1/3: 33 times as fast."""
    teacher = _timed(_candidate("teacher", None, TEACHER, encoded, 8), "torch", clock, 11)
    onnx = _timed(_candidate("onnx", "teacher", STUDENT, encoded, 4), "onnxruntime", clock, 1 / 3)

    def preempted(batch: Batch) -> None:
        clock.now += 44e-3
        clock.elsewhere += 33e-3

    teacher = replace(teacher, forward=preempted)
    cards = evaluate_candidates(
        benchmark, [teacher, onnx], Evaluate(latency=Latency(rounds=60))
    ).evaluation.models
    assert cards["teacher"].latency_ms is not None
    assert cards["teacher"].latency_ms.p50 == pytest.approx(11)
    interval = cards["onnx"].speedup_interval
    contention = cards["teacher"].contention
    assert interval is not None
    assert interval.low < 33 < interval.high < 66
    assert contention is not None
    assert contention.cpu_share == pytest.approx(0.25)
    assert contention.busy
