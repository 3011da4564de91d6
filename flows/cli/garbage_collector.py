"""When Python searches for garbage: seldom during imports, never at exit.

A command imports half a million objects, which all stay. The default is to search them again and
again, for a fifth of the time that imports take, and once more before the interpreter exits.
"""

from __future__ import annotations

import atexit
import gc

_NEW_OBJECTS = 50_000
_DEFAULT = gc.get_threshold()


def search_seldom() -> None:
    """Search for garbage only after every 50,000 new objects, and not at exit."""
    gc.set_threshold(_NEW_OBJECTS, *_DEFAULT[1:])
    atexit.register(gc.freeze)


def search_as_usual() -> None:
    """Search as often as by default, but not among the objects that exist now.

    For work such as training, in which few objects can hold much memory.
    """
    gc.freeze()
    gc.set_threshold(*_DEFAULT)
