"""Built-in translations: invented languages, ambiguous on purpose.

A word is translated by the syllables that its hash gives, so that some words share a translation,
and the words of a text are in reverse order. No translation contains a word of its text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

_SYLLABLES = tuple(c + v for c in "bdfgklmnprstvz" for v in "aeiou")
_WORDS = 4000
"""Number of words of a language."""


def translate_all(texts: Sequence[str], languages: int) -> tuple[tuple[str, ...], ...]:
    """Translate each text to several languages.

    Args:
        texts: Any texts.
        languages: Number of languages; without any there are no translations.

    Returns:
        For each text its translations; the same in every process and on every machine.
    """
    if not languages:
        return ()
    return tuple(tuple(translate(text, n) for n in range(languages)) for text in texts)


def translate(text: str, language: int) -> str:
    """Translate a text to an invented language.

    Args:
        text: Any text.
        language: Number of the language.
    """
    words = re.findall(r"\w+", text.casefold())
    return " ".join(_translate_word(word, language) for word in reversed(words)) or text


def _translate_word(word: str, language: int) -> str:
    digest = hashlib.sha256(f"{language}:{word}".encode()).digest()
    number = int.from_bytes(digest[:8], "big") % _WORDS
    first, second = divmod(number, len(_SYLLABLES))
    ending = "aeiou"[language % 5] * 2
    return f"{_SYLLABLES[first % len(_SYLLABLES)]}{_SYLLABLES[second]}{ending}"
