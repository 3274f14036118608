"""What the disk under a tier has left, whatever the configuration allows."""

import os
import sys
from pathlib import Path

_FLOOR = 64 << 20
"""Bytes of a filesystem that tiers leave free. Database and pages may lie on the same one
and must go on being written; and sizes are not all that files take, blocks are."""

_FLOOR_SHARE = 100
"""No more than this part of a filesystem is left free: the floor of a small one."""


def filesystem(path: Path) -> int:
    """Return what tells a folder's filesystem from others."""
    return path.stat().st_dev


def free_bytes(path: Path) -> int:
    """Return what tiers may still write to a folder's filesystem; negative below the floor."""
    stat = os.statvfs(path)
    if not stat.f_blocks:
        # Some network filesystems tell nothing: the configured limits must do.
        return sys.maxsize
    floor = min(_FLOOR, stat.f_blocks * stat.f_frsize // _FLOOR_SHARE)
    return stat.f_bavail * stat.f_frsize - floor
