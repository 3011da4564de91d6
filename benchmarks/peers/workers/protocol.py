"""The line protocol between the driver and the process that serves one model.

Only the standard library is imported: this module runs in every environment.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

BATCH = 32
WARM_UP_CALLS = 20
"""Untimed calls before a pass: the weights of other processes have replaced those of this one."""

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Split:
    """Texts with their labels; the test split comes without."""

    texts: list[str]
    labels: list[str]


@dataclass(frozen=True)
class Job:
    """What every peer gets.

    Attributes:
        labels: Label names, in the order of the teacher's logits.
        train: Training rows.
        validation: Rows for choosing settings.
        test: Test texts, without labels.
        timed: Positions of the test texts that are timed, in the order of a pass.
        teacher: Checkpoint of the fine-tuned teacher.
        teacher_digest: Of its files; another teacher gives other models.
        pretrained: Sentence transformer that the teacher was fine-tuned from, if it is known.
        max_tokens: Longer texts are cut.
    """

    labels: list[str]
    train: Split
    validation: Split
    test: list[str]
    timed: list[int]
    teacher: str
    teacher_digest: str
    pretrained: str | None
    max_tokens: int

    @classmethod
    def read(cls, file: Path) -> Job:
        """Read the file that the driver wrote."""
        fields: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        train = Split(**fields.pop("train"))
        validation = Split(**fields.pop("validation"))
        return cls(train=train, validation=validation, **fields)

    @property
    def pretrained_model(self) -> str:
        """The sentence transformer.

        Raises:
            ValueError: It was not given.
        """
        if self.pretrained is None:
            raise ValueError("--pretrained is missing")
        return self.pretrained


@dataclass(frozen=True)
class Files:
    """The files that a prediction needs, beside the libraries."""

    model: list[Path]
    tokenizer: list[Path]


@dataclass(frozen=True)
class Served:
    """A loaded model.

    Attributes:
        predict: Returns the labels of texts, read as one batch.
        encode: Returns token ids of a text; None if the model reads no token ids.
        forward: Runs the model on encoded token ids.
    """

    predict: Callable[[Sequence[str]], list[str]]
    encode: Callable[[str], Any] | None = None
    forward: Callable[[Any], object] | None = None


def serve(model: Served, job: Job, requests: TextIO, replies: TextIO) -> None:
    """Answer requests until there are no more.

    `labels` predicts all test texts one by one. A name of a pass (`ids`, `text`, `batches`) times
    one pass over the timed texts. `memory` returns the peak of this process in bytes.

    Args:
        model: The loaded model.
        job: Its texts.
        requests: One word a line.
        replies: One JSON value a line; the first says that the model is loaded.
    """
    texts = [job.test[position] for position in job.timed]
    handlers: dict[str, Callable[[], object]] = {
        "labels": lambda: [model.predict([text])[0] for text in job.test],
        "memory": peak_memory,
        **{name: timed_pass(calls) for name, calls in passes(model, texts).items()},
    }
    _reply(replies, sorted(handlers))
    for request in requests:
        _reply(replies, handlers[request.strip()]())


def passes(model: Served, texts: Sequence[str]) -> Mapping[str, list[Callable[[], object]]]:
    """Return the calls of each kind of pass.

    Args:
        model: The loaded model.
        texts: The timed texts.

    Returns:
        A call per text for `text` and, if the model reads token ids, `ids`; a call per batch for
        `batches`, whose texts are sorted by length so that padding is least.
    """
    by_length = sorted(texts, key=len)
    batches = [by_length[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    calls = {
        "text": [_call(model.predict, [text]) for text in texts],
        "batches": [_call(model.predict, batch) for batch in batches],
    }
    if model.encode and model.forward:
        calls["ids"] = [_call(model.forward, model.encode(text)) for text in texts]
    return calls


def timed_pass(calls: Sequence[Callable[[], object]]) -> Callable[[], list[int]]:
    """Return a function that times one pass, and returns the nanoseconds of each call."""

    def run() -> list[int]:
        for call in calls[-WARM_UP_CALLS:]:
            call()
        gc.collect()
        gc.disable()
        try:
            return [_nanoseconds(call) for call in calls]
        finally:
            gc.enable()

    return run


def peak_memory() -> int:
    """Return the largest resident memory of this process in bytes."""
    # ru_maxrss of a child starts at that of its parent.
    if _STATUS.exists():
        lines = _STATUS.read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def take_stdout() -> TextIO:
    """Return the standard output for replies, and send what libraries print to standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return replies


def _call(function: Callable[[Any], object], argument: Any) -> Callable[[], object]:  # noqa: ANN401
    return lambda: function(argument)


def _nanoseconds(call: Callable[[], object]) -> int:
    started = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - started


def _reply(replies: TextIO, value: object) -> None:
    replies.write(json.dumps(value) + "\n")
    replies.flush()
