"""Whole passes of all models in turns: one process runs while the others wait for a request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from peers.building import Built
from peers.process import ServingProcess, WorkerError

Pass = NDArray[np.int64]
"""Nanoseconds of each call of a pass."""


@dataclass
class Turns:
    """What models measured in turns; a model that fails is left out of what follows.

    Attributes:
        processes: Of the models that have not failed, by name.
        failures: One line for each model that has.
    """

    processes: dict[str, ServingProcess] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def ask(self, name: str, request: str) -> object:
        """Return a model's reply; None if it has failed."""
        try:
            return self.processes[name].ask(request)
        except WorkerError as error:
            self.failures[name] = str(error)
            self.processes.pop(name).close()
            return None

    def close(self) -> None:
        """End all processes."""
        for process in self.processes.values():
            process.close()

    def ask_all(self, request: str) -> dict[str, object]:
        """Send a request to one model after the other."""
        return {name: self.ask(name, request) for name in list(self.processes)}

    def passes(self, kinds: Sequence[str], rounds: int) -> Mapping[str, Mapping[str, list[Pass]]]:
        """Let the models run whole passes in turns, in a new random order each time.

        Args:
            kinds: Of passes; a model that knows no such pass is left out.
            rounds: Number of passes of each kind.

        Returns:
            Passes by model and kind.
        """
        order = np.random.default_rng(0)
        results: dict[str, dict[str, list[Pass]]] = defaultdict(lambda: defaultdict(list))
        for kind in [kind for _ in range(rounds) for kind in kinds]:
            names = [n for n, process in self.processes.items() if kind in process.requests]
            for position in order.permutation(len(names)):
                name = names[position]
                reply = self.ask(name, kind)
                if isinstance(reply, list):
                    results[name][kind].append(np.asarray(reply, dtype=np.int64))
        return results


@contextmanager
def serve(models: Sequence[Built], threads: int) -> Iterator[Turns]:
    """Start one process per model, and end them all afterwards.

    Args:
        models: The models.
        threads: That each may use.
    """
    turns = Turns()
    with ExitStack() as stack:
        stack.callback(turns.close)
        for model in models:
            log = model.folder / f"serve-{threads}.log"
            try:
                process = ServingProcess([*model.serve, str(threads)], log, threads)
            except WorkerError as error:
                turns.failures[model.peer.name] = str(error)
            else:
                turns.processes[model.peer.name] = process
        yield turns
