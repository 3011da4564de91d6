"""Soft targets and labels: the same student trained on each, with few and with many labels.

python benchmarks/papers/hinton.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, format_points
from coldpress.kinds import TEXT_CLASSIFICATION
from measurement import Measurement, TrialResult
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from coldpress.data.splits import Split
    from coldpress.distillation.soft_targets import SoftTargets
    from coldpress.model.classifier import Classifier
    from trials import Trial

EPOCHS = {0.05: 20, 0.25: 6, 1.0: 4}
"""By share of the labels: with few rows, the student needs more epochs."""
FEW = min(EPOCHS)
ALL = max(EPOCHS)
MOSTLY_SOFT = 0.9
"""The default of the method `logits`; the paper advises to give labels less weight."""
HALF = 0.5

LABELS = "labels alone"
SOFT = "soft targets"
BOTH = "both"
REST = "both, and soft targets of all texts"
FAIR = "the same, of a large model with these labels alone"

PAPER = Paper(
    name="hinton",
    title="Soft targets contain more information than labels",
    source="Hinton, Vinyals & Dean 2015, Distilling the Knowledge in a Neural Network, section 6",
    claim="A model trained on soft targets of a small share of the data is nearly as good as "
    "one trained on all labels; trained on the labels of that share, it is much worse.",
    figure="with 3 % of the data, soft targets close 87 % of the gap between 44.5 and 58.9 %",
    across="labels",
    setting="The student is the lowest layer of the large model before fine-tuning, with a new "
    "head, so that all it learns about labels comes from its targets. It starts from the "
    f"same weights every time and is trained for {EPOCHS[FEW]}, {EPOCHS[0.25]} and "
    f"{EPOCHS[ALL]} epochs on 5, 25 and 100 % of the rows, stratified by class. The last "
    "epoch is kept, since rows to choose an epoch with would be additional labels. The "
    f"temperature is 4; `both` weighs soft targets {MOSTLY_SOFT}. As in the paper, the "
    "large model was trained on all labels, so its soft targets for few rows contain "
    "information about the others. Two more students with 5 % of the labels are also "
    "trained on the unlabelled texts: with soft targets of that large model and, to "
    "measure the effect of the texts alone, of a model that was fine-tuned on 5 % of the "
    "labels, its epoch chosen by 5 % of the validation rows. With all labels, both are "
    "equal to `both`.",
)
GAIN = "soft targets against labels alone, on 5 %"
CLOSED = "share of the gap to all labels closed by soft targets, on 5 %"


@dataclass(frozen=True)
class TrainingSet:
    """The rows a student is trained on.

    Attributes:
        rows: Labelled rows, followed by unlabelled ones.
        soft_targets: The large model's, for these rows.
        epochs: Epochs of training.
    """

    rows: Split
    soft_targets: SoftTargets
    epochs: int


def measure(trial: Trial) -> TrialResult:
    """Train the same student on labels, on soft targets and on both, with few and many labels.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy by share of the labels.
    """
    from coldpress.distillation.soft_targets import compute_soft_targets

    base = _base_model(trial)
    soft_targets = compute_soft_targets(trial.teacher, trial.data.train)
    accuracies: dict[str, dict[float, float]] = {n: {} for n in (LABELS, SOFT, BOTH, REST, FAIR)}
    for share in trial.subset(tuple(EPOCHS)):
        training_set = TrainingSet(labelled_rows(trial, share), soft_targets, EPOCHS[share])
        for name, alpha in {LABELS: 0.0, SOFT: 1.0, BOTH: MOSTLY_SOFT}.items():
            accuracies[name][share] = _student_accuracy(trial, base, training_set, alpha)
    for name, training_set in _sets_with_all_texts(trial, soft_targets).items():
        few = _student_accuracy(trial, base, training_set, MOSTLY_SOFT)
        accuracies[name] = {FEW: few, ALL: accuracies[BOTH][ALL]}
    return TrialResult(_numbers(trial, accuracies), accuracies)


def judge(numbers: Numbers, curves: Curves) -> Verdict:
    """Check the gain of soft targets when there are few labels.

    Args:
        numbers: Of all seeds, by the names of `measure`.
        curves: Of all seeds.

    Returns:
        Holds if every seed gains and half of the gap is closed, partly if the mean gains.
    """
    gain = numbers[GAIN]
    closed = numbers[CLOSED]
    gain_of_all = curves[SOFT].number_at(-1).mean - curves[LABELS].number_at(-1).mean
    rest, fair = (
        curves[name].number_at(0).mean - curves[BOTH].number_at(0).mean for name in (REST, FAIR)
    )
    reason = (
        f"With 5 % of the rows, soft targets differ from labels by {gain}, which is {closed} of"
        f" the gap to all labels (87 % in the paper, with 3 %); with all rows by"
        f" {format_points(gain_of_all)}. Soft targets for the unlabelled texts change `both` with"
        f" 5 % by {format_points(rest)}; those of a large model that was trained on the same"
        f" labels only, by {format_points(fair)}."
    )
    if min(gain.seeds) > 0 and closed.mean >= HALF:
        return Verdict(judgement="holds", reason=reason)
    return Verdict(judgement="holds partly" if gain.mean > 0 else "does not hold", reason=reason)


def labelled_rows(trial: Trial, share: float) -> Split:
    """Draw a stratified sample of the training rows.

    Args:
        trial: Rows and seed.
        share: Share of the rows: at most a half, or 1.

    Returns:
        The sampled rows.
    """
    if share == ALL:
        return trial.data.train
    return _stratified_sample(trial.data.train, share, trial.seed)


def _stratified_sample(rows: Split, share: float, seed: int) -> Split:
    from coldpress.data.splits import stratified_split

    return rows.take(
        stratified_split(rows.ids, TEXT_CLASSIFICATION.strata(rows.targets), share, seed)[1]
    )


def _base_model(trial: Trial) -> Classifier:
    """Return the large model before it was fine-tuned."""
    from coldpress.teacher import build
    from coldpress.training.loop import reseed
    from options import MAX_TOKENS

    reseed(trial.seed, "untaught")
    return build.build_teacher(trial.plan, trial.data, MAX_TOKENS)


def _sets_with_all_texts(trial: Trial, soft_targets: SoftTargets) -> dict[str, TrainingSet]:
    """Add the texts without labels, with soft targets from either of the two large models."""
    from coldpress.distillation.soft_targets import compute_soft_targets

    unlabelled = replace(trial.data.train, targets=())
    rows = labelled_rows(trial, FEW).concat(unlabelled)
    few_targets = compute_soft_targets(_fine_tuned_on_few(trial), unlabelled)
    return {
        REST: TrainingSet(rows, soft_targets, EPOCHS[ALL]),
        FAIR: TrainingSet(rows, few_targets, EPOCHS[ALL]),
    }


def _fine_tuned_on_few(trial: Trial) -> Classifier:
    """Return a large model fine-tuned on few labels, for as many epochs as a student."""
    import teachers
    from coldpress.model import serialization

    plan = trial.plan.model_copy(update={"epochs": EPOCHS[FEW]})
    few = replace(
        trial.data,
        train=labelled_rows(trial, FEW),
        validation=_stratified_sample(trial.data.validation, FEW, trial.seed),
        digest=f"{trial.data.digest}, {FEW} of its labels",
    )
    return serialization.load_classifier(teachers.fine_tune(plan, few, trial.seed, trial.cache))


def _student_accuracy(
    trial: Trial, base: Classifier, training_set: TrainingSet, alpha: float
) -> float:
    """Return the test accuracy of a student after its last epoch."""
    from coldpress.data.encoding import encode
    from coldpress.distillation import Logits, StudentShape, transfer
    from coldpress.training import loop

    shape = StudentShape(layers=1, take="first")
    method = Logits(method="logits", student=shape, alpha=alpha, epochs=training_set.epochs)
    student = shape.build(base, training_set.rows)
    # No epoch is selected, so a single validation row is enough.
    validation = trial.data.validation.take([0])
    data = transfer.soft_target_data(
        student, method, training_set.soft_targets, training_set.rows, validation
    )
    loop.reseed(trial.seed, "taught")
    list(loop.train_epochs(student, data.train, data.loss, method, data.validation))
    return trial.accuracy(student, encode(student.tokenizer, trial.data.test))


def _numbers(trial: Trial, accuracies: dict[str, dict[float, float]]) -> dict[str, Measurement]:
    labels = accuracies[LABELS][FEW]
    soft = accuracies[SOFT][FEW]
    all_labels = accuracies[LABELS][ALL]
    # If there is no gap, one row stands for it.
    closed = (soft - labels) / max(all_labels - labels, 1 / len(trial.test))
    return {
        "large model": Measurement("percent", trial.accuracy(trial.teacher, trial.test)),
        "labels alone, all rows": Measurement("percent", all_labels, "58.9 %"),
        "labels alone, 5 %": Measurement("percent", labels, "44.5 % (of 3 %)"),
        "soft targets, 5 %": Measurement("percent", soft, "57.0 % (of 3 %)"),
        GAIN: Measurement("points", soft - labels, "+12.5 points (of 3 %)"),
        CLOSED: Measurement("percent", closed, "87 %"),
    }


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
