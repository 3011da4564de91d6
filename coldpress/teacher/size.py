"""Size of a teacher, from its configuration alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from coldpress.model.architecture import ARCHITECTURES
from coldpress.teacher.config_checks import config_size, config_width
from coldpress.teacher.pretrained import TEACHER_FIELD, read_config
from coldpress.teacher.spec import ScratchModel, TeacherModel

_BYTES_PER_PARAMETER = 4


@dataclass(frozen=True)
class TeacherSize:
    """Sizes of a teacher.

    Attributes:
        layers: Encoder layers.
        hidden_size: Width of the vectors between layers.
        heads: Attention heads per layer.
        neurons: Feed-forward neurons per layer.
        vocabulary_size: Rows of the token table.
        gated: True if the feed-forward part has a gate matrix beside its other two matrices.
        projected_from: Width of the embedding tables, if a projection maps it to the hidden size.
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
    def table_width(self) -> int:
        """Width of the token table."""
        return self.projected_from or self.hidden_size

    @property
    def weights_bytes(self) -> int:
        """Approximate size in fp32: token table, attention and feed-forward matrices."""
        attention = 4 * self.hidden_size**2
        feed_forward = (3 if self.gated else 2) * self.hidden_size * self.neurons
        table = self.vocabulary_size * self.hidden_size
        return _BYTES_PER_PARAMETER * (table + self.layers * (attention + feed_forward))

    def with_width(self, width: int | None) -> TeacherSize:
        """Return the sizes of a student of another width.

        Args:
            width: A multiple of the head size; None: the same width.
        """
        if width is None:
            return self
        return replace(self, hidden_size=width, heads=width // self.head_size)


def teacher_size(model: TeacherModel, field: str = TEACHER_FIELD) -> TeacherSize:
    """Read the sizes of a teacher, or of another model, from its configuration.

    Args:
        model: A model on the hub, in a directory, or from scratch.
        field: The recipe's field that names it.

    Returns:
        The sizes.

    Raises:
        InputError: The configuration cannot be downloaded or read.
    """
    if isinstance(model, ScratchModel):
        return TeacherSize(
            layers=model.layers,
            hidden_size=model.hidden_size,
            heads=model.heads,
            neurons=model.neurons,
            vocabulary_size=model.vocabulary_size,
        )
    config, _ = read_config(model, field)
    names = ARCHITECTURES[config["model_type"]]
    hidden_size = config_width(config)
    keys = names.config_keys
    tables = hidden_size if keys.tables is None else config_size(config, keys.tables)
    return TeacherSize(
        layers=config[keys.layers],
        hidden_size=hidden_size,
        heads=config[keys.heads],
        neurons=config[keys.neurons],
        vocabulary_size=config["vocab_size"],
        gated=names.feed_forward.gate is not None,
        projected_from=None if tables == hidden_size else tables,
    )
