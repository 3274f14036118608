"""What the disks under the tiers have left, whatever the configuration allows."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from app.bounds import MinFree
from app.tiers.errors import NoRoomError

_BYTES = 64 << 20
"""What stays free where the configuration does not say. Database and pages may lie on the
same filesystem and must go on being written; and sizes are not all that files take, blocks
are."""

_INODES = 1000

_SHARE = 100
"""No more than this part of a filesystem stays free by itself: the floor of a small one."""

_NEEDED = 6
"""Inodes that a file may need: three folders, itself, its companion, the tier's mark."""


class Disk:
    """One filesystem, which several tiers may share: what is free of it, and promised."""

    def __init__(self, root: Path, keep: MinFree) -> None:
        """Use the filesystem of a folder."""
        self._root, self._keep = root, keep
        self._lock = threading.Lock()
        # What files in the making have still to write.
        self._owed: dict[object, Callable[[], int]] = {}

    def free_bytes(self) -> int:
        """Return what tiers may still write; negative below the floor."""
        stat = os.statvfs(self._root)
        if not stat.f_blocks:
            # Some network filesystems tell nothing: the configured limits must do.
            return sys.maxsize
        floor = self._keep.bytes
        if floor is None:
            floor = min(_BYTES, stat.f_blocks * stat.f_frsize // _SHARE)
        return stat.f_bavail * stat.f_frsize - floor

    def free_inodes(self) -> int:
        """Return how many more may be used; negative below the floor."""
        stat = os.statvfs(self._root)
        if not stat.f_files:
            # Btrfs and others make inodes as they are needed.
            return sys.maxsize
        floor = self._keep.inodes
        if floor is None:
            floor = min(_INODES, stat.f_files // _SHARE)
        return stat.f_favail - floor

    def promise(self, owner: object, owed: Callable[[], int]) -> None:
        """Keep room for a file; `owed` tells what it has still to write, until `settle`.

        Raises:
            NoRoomError: There is none beside what others were promised.

        """
        with self._lock:
            size, others = owed(), list(self._owed.values())
            if size > max(0, self.free_bytes() - sum(one() for one in others)):
                raise NoRoomError(f"{size} bytes do not fit: the disk of {self._root} is full")
            if (len(others) + 1) * _NEEDED > self.free_inodes():
                raise NoRoomError(f"the disk of {self._root} has no inodes for another file")
            self._owed[owner] = owed

    def settle(self, owner: object) -> None:
        """Count a promise no more: what was to be written is, or will not be."""
        with self._lock:
            self._owed.pop(owner, None)
