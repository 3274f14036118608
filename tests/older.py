"""Pages as an older larder might have written them: another layout of the same content."""

import gzip
from pathlib import Path

import orjson


def make_older(folder: Path) -> None:
    """Give a project's folder pages of another format, with their compressed twins."""
    page = orjson.loads((folder / "index.v1.json").read_bytes())
    html = (folder / "index.html").read_bytes()
    write_page(folder, "index.v1.json", orjson.dumps(page, option=orjson.OPT_INDENT_2))
    write_page(folder, "index.html", html.replace(b"<br>\n", b"<br/>\n"))


def write_page(folder: Path, name: str, content: bytes) -> None:
    """Write a page and its compressed twin in place of what is there."""
    (folder / name).write_bytes(content)
    (folder / f"{name}.gz").write_bytes(gzip.compress(content, 6, mtime=0))
