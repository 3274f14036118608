"""The root pages on disk: whole, compressed, and marked."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from app.root_pages import RootPages
from app.tree import Pages


def test_the_root_pages_carry_their_mark(tmp_path: Path) -> None:
    """The mark is there once the pages are, and is lost with them."""
    root = RootPages(tmp_path)
    assert root.mark() is None
    root.write(Pages([b"<html>root"], [b"{}"]), "first")
    assert root.mark() == "first"
    assert gzip.decompress((tmp_path / "simple" / "index.html.gz").read_bytes()) == b"<html>root"
    (tmp_path / "simple" / "index.v1.json").unlink()
    assert root.mark() is None


def test_both_pages_are_written_in_turn(tmp_path: Path) -> None:
    """What they are made of is read once, and kept for neither; one may have more pieces."""
    order = []

    def pieces(what: str, count: int) -> Iterator[bytes]:
        for number in range(count):
            order.append(f"{what}{number}")
            yield f"{what}{number}".encode()

    RootPages(tmp_path).write(Pages(pieces("h", 2), pieces("j", 3)), "mark")
    assert ["h0", "j0", "h1", "j1", "j2"] == order
    simple = tmp_path / "simple"
    assert (b"h0h1", b"j0j1j2") == (
        (simple / "index.html").read_bytes(),
        gzip.decompress((simple / "index.v1.json.gz").read_bytes()),
    )
