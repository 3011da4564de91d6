"""Errors that a user can cause; any other error is a bug and keeps its traceback."""


class InputError(Exception):
    """The user's input is wrong. The message is one line and names the field, file or row."""


class RefusedError(Exception):
    """The gate or a person refused the model. The message is one line with the reason."""


class ServerStartError(Exception):
    """A server that the command needs cannot be started. The message is one line."""


class PlacedStageError(Exception):
    """A stage failed on a work pool. The message is one line and names the stage and the pool."""


class DivergedError(InputError):
    """Training diverged with these settings: the loss or a weight became NaN or infinite."""


class NonFiniteError(Exception):
    """A number to be stored is NaN or infinite."""


class CorruptCheckpointError(Exception):
    """A checkpoint's files do not match the digests in its manifest."""


class ParityError(Exception):
    """An exported graph does not compute the same as the checkpoint it was exported from."""


class RankError(Exception):
    """One of several training processes failed. The message is one line and names the rank."""


EXPECTED_ERRORS = (InputError, DivergedError, NonFiniteError, CorruptCheckpointError)
"""Errors of a rank that the stage's task raises again as they are."""
