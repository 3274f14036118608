"""How much each tier may hold: its limit, as far as its disk has the room."""

from collections.abc import Mapping

from app.tiers.disk import filesystem, free_bytes
from app.tiers.folder import Folder


def share_disks(folders: Mapping[int, Folder], used: Mapping[int, int]) -> dict[int, int]:
    """Return each tier's limit by rank: the configured one, or what its disk has room for.

    Tiers on one filesystem share what is free there, the hotter first, as files are
    given their places. `used` are the bytes that each tier takes now.
    """
    free: dict[int, int] = {}
    limits: dict[int, int] = {}
    for rank, folder in sorted(folders.items()):
        disk = filesystem(folder.root)
        left = free.setdefault(disk, free_bytes(folder.root))
        growth = min(folder.tier.size_limit - used[rank], left)
        free[disk] = left - growth
        limits[rank] = used[rank] + growth
    return limits
