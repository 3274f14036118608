"""How much each tier may hold: its limit, as far as its disk has the room."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from app.bounds import MinFree
from app.model import Tier
from app.tiers.disk import Disk
from app.tiers.folder import Folder


def open_folders(tiers: Iterable[Tier], keep: MinFree) -> dict[int, Folder]:
    """Return the tiers' folders by rank; those on one filesystem share its `Disk`."""
    disks: dict[int, Disk] = {}
    folders: dict[int, Folder] = {}
    for tier in tiers:
        root = Path(tier.root)
        disk = disks.setdefault(root.stat().st_dev, Disk(root, keep))
        folders[tier.rank] = Folder(tier, disk)
    return folders


def share_disks(folders: Mapping[int, Folder], used: Mapping[int, int]) -> dict[int, int]:
    """Return each tier's limit by rank: the configured one, or what its disk has room for.

    Tiers on one filesystem share what is free there, the hotter first, as files are
    given their places. `used` are the bytes that each tier takes now.
    """
    free: dict[Disk, int] = {}
    limits: dict[int, int] = {}
    for rank, folder in sorted(folders.items()):
        left = free.setdefault(folder.disk, folder.disk.free_bytes())
        growth = min(folder.tier.size_limit - used[rank], left)
        free[folder.disk] = left - growth
        limits[rank] = used[rank] + growth
    return limits
