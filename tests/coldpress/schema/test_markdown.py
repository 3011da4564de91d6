from coldpress.schema.markdown import as_text


def test_nothing_in_a_text_becomes_markup() -> None:
    assert as_text("a|b\n# c [d](javascript:e) `f`") == r"a\|b \# c \[d\](javascript:e) \`f\`"
    assert as_text("refund_status ~~x~~ *y* !z") == r"refund\_status \~\~x\~\~ \*y\* \!z"
    assert as_text("<b>&amp;") == "&lt;b&gt;&amp;amp;"
    assert as_text("$x$ costs \\$5") == r"&#36;x&#36; costs \\&#36;5"
