"""A tier's folder on a real disk: what it finds, and what it has room for."""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.bounds import MinFree
from app.model import Tier
from app.names import Sha256, parse_file_path
from app.tiers import (
    Content,
    Disk,
    Folder,
    Leftover,
    NoRoomError,
    open_folders,
    partial_name,
    share_disks,
)

PATH = parse_file_path(f"aa/bb/{1:060x}/six-1.tar.gz")
HUGE = 1 << 60
NOBODY = 65534


def content(size: int) -> Content:
    """Return a content of so many bytes; nothing checks its digest here."""
    return Content(Sha256("0" * 64), size, None)


def put(root: Path, name: str, size: int) -> None:
    """Write a file below a tier's root."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(bytes(size))


def folders(root: Path) -> dict[int, Folder]:
    """Return two tiers on one filesystem, with limits that no disk has."""
    for name in ("hot", "cold"):
        (root / name).mkdir()
    tiers = [Tier(rank, str(root / name), HUGE) for rank, name in enumerate(("hot", "cold"))]
    return open_folders(tiers, MinFree())


def folder_of(root: Path) -> Folder:
    """Return a tier without a limit that matters."""
    return open_folders([Tier(0, str(root), HUGE)], MinFree())[0]


def test_tiers_on_one_disk_share_what_is_free(tmp_path: Path) -> None:
    """No plan may count on the same free bytes twice; the hotter tier has them first."""
    limits = share_disks(folders(tmp_path), {0: 1000, 1: 2000})
    assert limits[1] == 2000
    assert 1000 < limits[0] < shutil.disk_usage(tmp_path).total + 1000


def test_the_configured_limit_stays_where_the_disk_has_more(tmp_path: Path) -> None:
    """The disk's room is a cap and no promise."""
    tier = open_folders([Tier(0, str(tmp_path), 5000)], MinFree())[0]
    assert {0: 5000} == share_disks({0: tier}, {0: 1000})


def test_what_the_disk_cannot_hold_is_not_begun(tmp_path: Path) -> None:
    """Somebody else may have filled it since the plan."""
    tier = folders(tmp_path)[0]
    partial = tier.partial(PATH, content(HUGE // 2))
    with pytest.raises(NoRoomError, match="the disk of"), tier.reserved(partial):
        pytest.fail("it was begun")


def test_an_error_of_the_disk_leaves_no_partial_file(tmp_path: Path) -> None:
    """It would keep a full disk full; an upstream that broke off is another matter."""
    tier = folders(tmp_path)[0]
    for error, left in ((OSError(28, "No space left on device"), 0), (ValueError(), 1)):
        with pytest.raises(type(error)):
            fail_half_way(tier, error)
        assert left == len(list(tier.leftovers()))


def fail_half_way(tier: Folder, error: Exception) -> None:
    """Begin a file and meet an error."""
    partial = tier.partial(PATH, content(10))
    with tier.reserved(partial):
        partial.write([b"half"], 0)
        raise error


def test_partial_files_are_found_while_others_finish_theirs(tmp_path: Path) -> None:
    """A file that goes between two looks is no error."""
    tier = folders(tmp_path)[0]
    stopping = threading.Event()

    def finish_again_and_again() -> None:
        while not stopping.is_set():
            for number in range(50):
                path = parse_file_path(f"aa/bb/{number:060x}/six-1.tar.gz")
                tier.partial(path, content(4)).write([b"half"], 0)
            for left in (tmp_path / "hot" / ".larder").glob("*.part"):
                left.unlink()

    writer = threading.Thread(target=finish_again_and_again)
    writer.start()
    try:
        for _ in range(300):
            assert {left.bytes for left in tier.leftovers()} <= {0, 4}
    finally:
        stopping.set()
        writer.join()


def test_the_mark_is_no_partial_file(tmp_path: Path) -> None:
    """It lies beside them, and stays."""
    tier = folders(tmp_path)[0]
    before = tier.marked
    tier.mark()
    tier.partial(PATH, content(4)).write([b"half"], 0)
    assert (False, True) == (before, tier.marked)
    assert [Leftover(partial_name(PATH), 4)] == list(tier.leftovers())


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be somebody whom permissions hold back, if the suite runs as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """Make a folder that everybody may enter; pytest's own are for their owner."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        path.chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_that_cannot_be_read_is_an_error(shared_folder: Path) -> None:
    """What is in it must not pass for lost."""
    put(shared_folder, PATH, 10)
    (shared_folder / "aa").chmod(0)
    tier = folder_of(shared_folder)
    with unprivileged(), pytest.raises(PermissionError):
        list(tier.scan())


def test_a_folder_of_the_filesystem_need_not_be_read(shared_folder: Path) -> None:
    """An ext4 disk's `lost+found` is root's."""
    put(shared_folder, PATH, 10)
    put(shared_folder, "lost+found/x", 10)
    (shared_folder / "lost+found").chmod(0)
    tier = folder_of(shared_folder)
    with unprivileged():
        assert [PATH] == [found.path for found in tier.scan()]


def test_a_tier_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """And no empty one."""
    with pytest.raises(FileNotFoundError):
        list(Folder(Tier(0, str(tmp_path / "gone"), HUGE), Disk(tmp_path, MinFree())).scan())


def free_of(root: Path) -> tuple[int, int]:
    """Return the bytes and inodes that a filesystem has free."""
    stat = os.statvfs(root)
    return stat.f_bavail * stat.f_frsize, stat.f_favail


def test_room_that_is_promised_is_not_given_twice(tmp_path: Path) -> None:
    """Downloads side by side, in one tier or in two on one disk, share what is free."""
    big = 1 << 32
    keep = MinFree(bytes=max(1, free_of(tmp_path)[0] - 3 * big // 2))
    for name in ("hot", "cold"):
        (tmp_path / name).mkdir()
    tiers = [Tier(rank, str(tmp_path / name), HUGE) for rank, name in enumerate(("hot", "cold"))]
    hot, cold = open_folders(tiers, keep).values()
    first, second = hot.partial(PATH, content(big)), cold.partial(PATH, content(big))
    refused = pytest.raises(NoRoomError, match="the disk of")
    with hot.reserved(first), refused, cold.reserved(second):
        pytest.fail("it was begun")
    with cold.reserved(second):
        pass


def test_a_disk_keeps_its_inodes(tmp_path: Path) -> None:
    """A disk full of small files has bytes left, and room for none."""
    inodes = free_of(tmp_path)[1]
    if not inodes:
        pytest.skip("this filesystem has no fixed number of inodes")
    tier = open_folders([Tier(0, str(tmp_path), HUGE)], MinFree(inodes=inodes + 1_000_000))[0]
    partial = tier.partial(PATH, content(10))
    with pytest.raises(NoRoomError, match="inodes"), tier.reserved(partial):
        pytest.fail("it was begun")


def test_a_filesystem_without_links_copies(tmp_path: Path) -> None:
    """What a link would leave half-done is gone, and its room given back."""
    for name in ("hot", "cold"):
        (tmp_path / name).mkdir()
    put(tmp_path / "cold", PATH, 10)

    def refuse(_source: Path, _target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    disk = Disk(tmp_path, MinFree())
    hot = Folder(Tier(0, str(tmp_path / "hot"), 15), disk, link=refuse)
    cold = Folder(Tier(1, str(tmp_path / "cold"), HUGE), disk)
    hot.count(0, 15)
    assert [False, False] == [hot.share(cold, PATH) for _ in range(2)]
    assert not hot.path(PATH).exists()
