"""Upstream's values in error messages."""

from app.pages.errors import shown


def test_text_is_quoted_on_one_line_and_cut() -> None:
    """A hostile value can neither start a line of a log nor fill it."""
    assert "'a\\nb'" == shown("a\nb")
    assert 122 == len(shown("x" * 2_000_000))


def test_what_is_no_text_is_named_by_its_type() -> None:
    """Not even a value too deep for `repr` breaks the message."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert "a list" == shown(deep)
    assert "a NoneType" == shown(None)
