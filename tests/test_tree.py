"""The pages on disk: whole, of one generation, with tags that differ."""

import gzip
import os
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from app.names import ProjectName
from app.tree import Pages, PageTree

SIX = ProjectName("six")
FILES = ("index.html", "index.html.gz", "index.v1.json", "index.v1.json.gz")


def pages(text: str) -> Pages:
    """Return pages that tell their generation."""
    return Pages(html=[b"<html>", text.encode()], json=[b"{}", text.encode()])


def tags(folder: Path) -> list[tuple[int, int]]:
    """Return what nginx makes ETags of: seconds and size."""
    stats = [(folder / name).stat() for name in FILES]
    return [(int(stat.st_mtime), stat.st_size) for stat in stats]


def test_a_project_is_written_in_both_formats_and_compressed(tmp_path: Path) -> None:
    """Four files, and the compressed ones hold what the others do."""
    PageTree(tmp_path).write(SIX, pages("one"))
    folder = tmp_path / "simple" / "six"
    assert sorted(FILES) == sorted(path.name for path in folder.iterdir())
    assert (folder / "index.html").read_bytes() == b"<html>one"
    assert gzip.decompress((folder / "index.v1.json.gz").read_bytes()) == b"{}one"


def test_no_two_variants_and_no_two_generations_share_a_tag(tmp_path: Path) -> None:
    """Pages of one size, written in one second, are told apart by their time."""
    tree = PageTree(tmp_path)
    seen: list[tuple[int, int]] = []
    for text in ("one", "two", "six"):
        tree.write(SIX, pages(text))
        seen += tags(tmp_path / "simple" / "six")
    seconds = [second for second, _ in seen]
    assert len(set(seconds)) == len(seen)
    assert all(earlier < later for earlier, later in pairwise(seconds))


def test_pages_of_the_second_index_lie_beside_the_others(tmp_path: Path) -> None:
    """Compressed as well, with tags of their own, and gone when they are written no more."""
    tree, folder = PageTree(tmp_path), tmp_path / "simple" / "six"
    assert not tree.has_canonical(SIX)
    tree.write(SIX, replace(pages("one"), canonical=(b"<html>1", b"{}1")))
    assert tree.has_canonical(SIX)
    names = [name.replace("index", "canonical") for name in FILES]
    assert sorted((*FILES, *names)) == sorted(path.name for path in folder.iterdir())
    assert b"{}1" == gzip.decompress((folder / "canonical.v1.json.gz").read_bytes())
    assert 4 == len({int((folder / name).stat().st_mtime) for name in names})
    tree.write(SIX, pages("two"))
    assert not tree.has_canonical(SIX)
    assert sorted(FILES) == sorted(path.name for path in folder.iterdir())


def test_modification_times_are_not_in_the_future(tmp_path: Path) -> None:
    """A page that is written once is older than now."""
    PageTree(tmp_path).write(SIX, pages("one"))
    assert all(second <= time.time() for second, _ in tags(tmp_path / "simple" / "six"))


def test_a_reader_sees_one_generation(tmp_path: Path) -> None:
    """Whoever opens the folder finds the pages of one write, whole."""
    tree = PageTree(tmp_path)
    tree.write(SIX, pages("0"))
    done = threading.Event()

    def write() -> None:
        for number in range(1, 40):
            tree.write(SIX, pages(str(number)))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not done.is_set():
        folder = os.open(tmp_path / "simple" / "six", os.O_RDONLY)
        try:
            html, json = (_read(folder, name) for name in ("index.html", "index.v1.json"))
        except FileNotFoundError:
            # The old folder was emptied after it was opened: nobody reads it by name.
            continue
        finally:
            os.close(folder)
        assert html.removeprefix(b"<html>") == json.removeprefix(b"{}")
        reads += 1
    writer.join()
    assert reads


def _read(folder: int, name: str) -> bytes:
    with open(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as stream:  # noqa: PTH123
        return stream.read()


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    """What was there stays, and nothing is left over."""
    tree = PageTree(tmp_path)
    tree.write(SIX, pages("one"))
    (tmp_path / "simple" / "idna").write_text("a file where a folder should be")
    with pytest.raises(OSError, match="idna"):
        tree.write(ProjectName("idna"), pages("two"))
    assert list((tmp_path / "run" / "staging").iterdir()) == []


def test_removing_takes_the_whole_folder(tmp_path: Path) -> None:
    """And removing what is not there is nothing."""
    tree = PageTree(tmp_path)
    tree.write(SIX, pages("one"))
    tree.remove(SIX)
    tree.remove(SIX)
    assert ([], False) == (list(tree.names()), tree.has(SIX))


@pytest.mark.parametrize("count", [2, 6])
def test_of_several_projects_one_fails_alone(tmp_path: Path, count: int) -> None:
    """Flushed one by one or all at once: the others are in place, with their legacy JSON."""
    tree = PageTree(tmp_path)
    names = [ProjectName(f"p-{number}") for number in range(count)]
    beside = Pages([b"<html>"], [b"{}"], serial=7, legacy=b"legacy")
    staged = [tree.stage(name, beside) for name in names]
    (tmp_path / "simple" / names[0]).write_text("in the way")
    errors = tree.publish(staged)
    assert [True] + [False] * (count - 1) == [isinstance(error, OSError) for error in errors]
    assert [False] + [True] * (count - 1) == [tree.has(name) for name in names]
    found = {path.name: path.read_bytes() for path in (tmp_path / "json").iterdir()}
    assert dict.fromkeys(names[1:], b"legacy") == found
    assert list((tmp_path / "run" / "staging").iterdir()) == []


def test_only_old_staging_is_swept(tmp_path: Path) -> None:
    """A writer that lives keeps its folder."""
    tree = PageTree(tmp_path)
    staging = tmp_path / "run" / "staging"
    for name in ("killed", "living"):
        (staging / name).mkdir()
    os.utime(staging / "killed", (0, 0))
    assert tree.stale(3600) == 1
    tree.sweep(3600)
    assert [path.name for path in staging.iterdir()] == ["living"]
