from coldpress.schema.markdown import escape_markdown


def test_markup_in_a_text_is_escaped() -> None:
    assert (
        escape_markdown("a|b\n# c [d](javascript:e) `f`") == r"a\|b \# c \[d\](javascript:e) \`f\`"
    )
    assert escape_markdown("refund_status ~~x~~ *y* !z") == r"refund\_status \~\~x\~\~ \*y\* \!z"
    assert escape_markdown("<b>&amp;") == "&lt;b&gt;&amp;amp;"
    assert escape_markdown("$x$ costs \\$5") == r"&#36;x&#36; costs \\&#36;5"
