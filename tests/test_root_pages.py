"""The root pages on disk: whole, compressed, and marked."""

import gzip
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
