"""What lies beside the pages: of one generation with them, and gone with them."""

import gzip
import os
from pathlib import Path

import pytest

from app import tree as tree_module
from app.atomic import ExchangeUnsupportedError
from app.names import ProjectName, parse_filename, parse_version
from app.root_pages import RootPages
from app.shelf import PROJECT, Shelf, provenance, release
from app.tree import Pages, PageTree

SIX = ProjectName("six")


def write(folder: Path, serial: int | None, legacy: bytes | None = None) -> Path:
    """Write a generation of pages, and return their folder."""
    PageTree(folder).write(SIX, Pages([b"html"], [b"{}"], serial=serial, legacy=legacy))
    return folder / "simple" / "six"


def test_legacy_json_is_found_by_the_serial(tmp_path: Path) -> None:
    """The link leads to a folder that is named after it; its times tell the variants."""
    folder = write(tmp_path, 42, b"legacy")
    assert "serial-42" == Shelf(tmp_path).legacy(SIX, PROJECT)
    assert b"legacy" == (tmp_path / "json" / "six").read_bytes()
    plain, packed = (folder / "legacy" / name for name in (PROJECT, f"{PROJECT}.gz"))
    assert b"legacy" == gzip.decompress(packed.read_bytes())
    assert plain.stat().st_mtime != packed.stat().st_mtime


def test_what_is_put_later_is_as_what_is_written_at_once(tmp_path: Path) -> None:
    """Mirrored or on demand: the same files with the same times."""
    one, other = write(tmp_path / "one", 42, b"legacy"), write(tmp_path / "other", 42)
    Shelf(tmp_path / "other").put_legacy(SIX, 42, PROJECT, b"legacy")
    offset = (other / "index.html").stat().st_mtime - (one / "index.html").stat().st_mtime
    for name in (PROJECT, f"{PROJECT}.gz"):
        first, second = one / "serial-42" / name, other / "serial-42" / name
        assert first.read_bytes() == second.read_bytes()
        assert first.stat().st_mtime + offset == second.stat().st_mtime
    assert (one / "legacy").readlink() == (other / "legacy").readlink()


@pytest.mark.parametrize("exchanges", [True, False])
def test_the_next_generation_has_nothing_of_the_last(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    exchanges: bool,  # noqa: FBT001
) -> None:
    """Also on a filesystem that cannot exchange two folders."""

    def refuse(first: Path, second: Path) -> None:
        raise ExchangeUnsupportedError(f"{first}, {second}")

    if not exchanges:
        monkeypatch.setattr(tree_module, "exchange", refuse)
    folder = write(tmp_path, 42, b"legacy")
    shelf = Shelf(tmp_path)
    shelf.put_legacy(SIX, 42, release(parse_version("1.0")), b"release")
    shelf.put(SIX, provenance(parse_version("1.0"), parse_filename("six-1.0.tar.gz")), b"p")
    # What lies among the pages goes too: there may have been a second index.
    (folder / "canonical.html").touch()
    for serial, legacy in ((43, None), (44, b"new"), (45, b"newer")):
        write(tmp_path, serial, legacy)
        kept = {"serial-" + str(serial), "legacy"} if legacy else set()
        assert {"index.html", "index.html.gz", "index.v1.json", "index.v1.json.gz"} | kept == {
            path.name for path in folder.iterdir()
        }
        assert (legacy is not None) == (tmp_path / "json" / "six").is_symlink()


def test_a_project_that_goes_takes_everything_along(tmp_path: Path) -> None:
    """Also its name below `json/`."""
    write(tmp_path, 42, b"legacy")
    PageTree(tmp_path).remove(SIX)
    assert not (tmp_path / "json" / "six").is_symlink()
    assert Shelf(tmp_path).legacy(SIX, PROJECT) is None


def test_nothing_is_put_beside_pages_that_are_not_here(tmp_path: Path) -> None:
    """A folder without pages would be a project that nobody tracks."""
    with pytest.raises(FileNotFoundError):
        Shelf(tmp_path).put(SIX, "provenance/1.0/x.json", b"{}")
    assert not (tmp_path / "simple" / "six").exists()


def test_pages_without_a_serial_have_legacy_json_too(tmp_path: Path) -> None:
    """Only its header is missing then."""
    write(tmp_path, None, b"legacy")
    assert "serial-unknown" == Shelf(tmp_path).legacy(SIX, PROJECT)


def test_the_roots_serial_follows_the_root(tmp_path: Path) -> None:
    """One link, one folder; the old ones go."""
    root = RootPages(tmp_path)
    # As a killed job leaves it.
    (tmp_path / "run" / "root" / "next").symlink_to("serial-0")
    for serial in (1, 2, None, 3):
        root.write(Pages([b"html"], [b"{}"], serial=serial), "mark")
    assert ["last", "serial-3"] == sorted(path.name for path in (tmp_path / "run/root").iterdir())
    assert "serial-3" == (tmp_path / "run/root/last").readlink().name


@pytest.mark.parametrize("links", [True, False])
def test_pages_of_the_same_serial_keep_what_lies_beside_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    links: bool,  # noqa: FBT001
) -> None:
    """With its times, also on a filesystem where no file has two names."""

    def refuse(source: str, target: str) -> None:
        raise PermissionError(f"{source}, {target}")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    folder = write(tmp_path, 42, b"legacy")
    Shelf(tmp_path).put_legacy(SIX, 42, release(parse_version("1.0")), b"release")
    place = provenance(parse_version("1.0"), parse_filename("six-1.0.zip"))
    Shelf(tmp_path).put(SIX, place, b"provenance")
    before = _beside(folder)
    assert 6 == len(before)
    tree = PageTree(tmp_path)
    assert [None] == tree.publish([tree.stage_again(SIX, Pages([b"new"], [b"[]"], serial=42))])
    assert b"new" == (folder / "index.html").read_bytes()
    assert before == _beside(folder)
    assert b"legacy" == (tmp_path / "json" / "six").read_bytes()


def test_pages_without_documents_get_none(tmp_path: Path) -> None:
    """And `json/{project}` leads nowhere."""
    folder = write(tmp_path, 42)
    tree = PageTree(tmp_path)
    staged = tree.stage_again(SIX, Pages([b"new"], [b"[]"], serial=42))
    assert not staged.legacy
    tree.publish([staged])
    assert {} == _beside(folder)
    assert not (tmp_path / "json" / "six").is_symlink()


def _beside(folder: Path) -> dict[str, tuple[bytes, float]]:
    """Return what lies below the pages, with its times."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime)
        for path in folder.rglob("*")
        if path.is_file() and path.parent != folder
    }
