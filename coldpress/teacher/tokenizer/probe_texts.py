"""Texts on which implementations of a tokenizer often disagree."""

# The texts contain unusual characters on purpose.
# ruff: noqa: RUF001

from __future__ import annotations

from collections.abc import Iterable

PROBE_TEXTS = (
    "",
    " ",
    "  \t\n ",
    " leading and trailing ",
    "two  spaces\u00a0and\u2003others\u3000here\u200b.",
    "line\r\nbreaks\nand\ttabs\u2028too",
    "UPPER Mixed lower İstanbul STRASSE straße ǅ",
    "café cafe\u0301 naïve Ångström A\u030angstro\u0308m",
    "ﬁ ﬀ ½ ① Ⅷ ＡＢＣ ｶﾞ ㎏ 𝔸𝕓",
    "漢字とカタカナ 中文字符 한국어 한국어",
    "العربية שלום \u202eright to left\u202c فارسی",
    "हिन्दी ไทย தமிழ் ქართული ελληνικά Кириллица",
    "😀 👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 👍🏽 e\u20e3",
    "\x00 \x01\x07\x1b \x7f \x85 \ufeff \ufffd \ufffe \U0010fffd \ue000",
    "a\x00b\u200cc\u200dd\u00ade",
    "don't can’t «quotes» „low“ -- — … !!! ??? a.b,c;d:e",
    "3.14 1,000,000 1e-9 0x1F +49-30/123 $5 €6 50%",
    "http://example.com/a?b=c&d=%20#e user@example.com @name #tag",
    "snake_case camelCase kebab-case C:\\path\\file <b>bold</b> {x: [1]}",
    "▁ ▁a Ġ Ġa ## ##a Ċ <0x0A> </w> a</w>",
    "\u0301 \u0301a a\u0301\u0301\u0301",
    "x" * 150,
    "word " * 700,
    "日本語" * 400,
    "!" * 300,
)

_SCRIPT_SAMPLES = "ΩЖԱאعܐނहবਗગଓதతಕമසไລ༄မქ한Ꭰᐁᚠកᠠ㋀ぁカㄅ漢ꀀꙮ𐌀𐤀𓀀𝄞😀ﬀ⠿♞∑→€©ǈʘᵺ"


def build_probe_texts(tokens: Iterable[str]) -> tuple[str, ...]:
    """List the texts on which a tokenizer is compared with transformers.

    Args:
        tokens: Names of its added tokens.

    Returns:
        The fixed texts, one character of each script, and texts that contain the names.
    """
    token_texts = [
        text
        for token in tokens
        for text in (
            token,
            f"a {token} b",
            f"a{token}b {token}{token}",
            token.upper(),
            token.lower(),
        )
    ]
    return (*PROBE_TEXTS, *_SCRIPT_SAMPLES, *token_texts)
