"""How large a teacher is, known from its configuration before any weight is read."""

from __future__ import annotations

from dataclasses import dataclass

from coldpress.model.architecture import ARCHITECTURES
from coldpress.teacher.config_checks import config_size as size_of
from coldpress.teacher.config_checks import config_width
from coldpress.teacher.spec import ScratchModel, TeacherModel, read_config

_BYTES_PER_PARAMETER = 4


@dataclass(frozen=True)
class TeacherSize:
    """The sizes that decide how much disk a run takes.

    Attributes:
        layers: Encoder layers.
        hidden_size: Width of the residual stream.
        heads: Attention heads of a layer.
        neurons: Feed-forward width.
        vocabulary_size: Rows of the token table.
        gated: Whether feed-forward has a gate beside its other two matrices.
        projected_from: Width of the embedding tables, where a projection leads from it to the
            hidden size.
    """

    layers: int
    hidden_size: int
    heads: int
    neurons: int
    vocabulary_size: int
    gated: bool = False
    projected_from: int | None = None

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.heads

    @property
    def weights_bytes(self) -> int:
        """Weights in fp32: the token table, and the matrices of attention and feed-forward."""
        attention = 4 * self.hidden_size**2
        feed_forward = (3 if self.gated else 2) * self.hidden_size * self.neurons
        table = self.vocabulary_size * self.hidden_size
        return _BYTES_PER_PARAMETER * (table + self.layers * (attention + feed_forward))


def teacher_size(model: TeacherModel) -> TeacherSize:
    """Read a teacher's sizes.

    Args:
        model: Hub, directory or scratch.

    Returns:
        Its sizes.

    Raises:
        InputError: Its configuration cannot be had or read.
    """
    if isinstance(model, ScratchModel):
        return TeacherSize(
            layers=model.layers,
            hidden_size=model.hidden_size,
            heads=model.heads,
            neurons=model.neurons,
            vocabulary_size=model.vocabulary_size,
        )
    config, _ = read_config(model)
    names = ARCHITECTURES[config["model_type"]]
    hidden_size = config_width(config)
    tables = hidden_size if names.config_tables is None else size_of(config, names.config_tables)
    return TeacherSize(
        layers=config[names.config_layers],
        hidden_size=hidden_size,
        heads=config[names.config_heads],
        neurons=config[names.config_neurons],
        vocabulary_size=config["vocab_size"],
        gated=names.gate is not None,
        projected_from=None if tables == hidden_size else tables,
    )
