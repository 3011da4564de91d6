"""The few errors that a user can cause; all others are our fault and keep their traceback."""


class InputError(Exception):
    """The user's input is wrong. The message is one line and names the field, file or row."""


class RefusedError(Exception):
    """The gate, or a person, said no. The message is one line that says why."""


class ServerStartError(Exception):
    """A server that the command needs cannot be started. The message is one line."""


class DivergedError(InputError):
    """Training with these settings has left the numbers that can be represented."""


class NonFiniteError(Exception):
    """A number that was to be stored is NaN or infinite."""


class CorruptCheckpointError(Exception):
    """A checkpoint's files do not have the digests that it wrote down."""


class ParityError(Exception):
    """An exported graph does not compute what the checkpoint it came from computes."""
