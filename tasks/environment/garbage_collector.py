"""Python's garbage collector: off while a command imports, on while it works, never at exit.

A command imports half a million objects, which all stay. By default the collector searches them
again and again, for a fifth of the time that imports take, and once more before the interpreter
exits.
"""

from __future__ import annotations

import atexit
import gc


def pause() -> None:
    """Do not collect garbage until `resume` is called, nor at exit."""
    gc.disable()
    atexit.register(gc.freeze)


def resume() -> None:
    """Collect garbage again, but do not search the objects that exist now; has effect once.

    For work such as training, in which few objects can hold much memory.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
