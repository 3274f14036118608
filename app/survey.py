"""What is on the tiers' disks, against what the store believes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.names import COMPANION, FilePath, InvalidNameError, parse_file_path
from app.planning import Placed
from app.steps import Adopt, Drop, Lose, Step
from app.store import Store
from app.tiers import Folder, Found


@dataclass(frozen=True, slots=True)
class Survey:
    """What is on the disks, against what the store believes."""

    holdings: Mapping[FilePath, Placed]
    # Bytes on each tier that belong to no holding: files that larder does not know.
    taken: Mapping[int, int]
    # What brings store and disk together.
    repairs: Sequence[Step]


@dataclass(slots=True)
class _Tally:
    """A survey in the making."""

    holdings: dict[FilePath, Placed] = field(default_factory=dict)
    taken: dict[int, int] = field(default_factory=dict)
    repairs: list[Step] = field(default_factory=list)


def survey(store: Store, folders: Mapping[int, Folder]) -> Survey:
    """Walk all tiers, and set each folder's count of used bytes."""
    held = list(store.holdings())
    ranks = {folder.tier.root: rank for rank, folder in folders.items()}
    believed = {one.path: ranks[one.root] for one in held if one.root in ranks}
    tally = _Tally()
    for folder in folders.values():
        _survey_tier(store, folder, believed, tally)
    lost = tuple(one.path for one in held if one.path not in tally.holdings)
    repairs = [Lose(lost), *tally.repairs] if lost else tally.repairs
    return Survey(tally.holdings, tally.taken, repairs)


def _survey_tier(
    store: Store, folder: Folder, believed: Mapping[FilePath, int], tally: _Tally
) -> None:
    rank = folder.tier.rank
    found = {item.name: item for item in folder.scan()}
    unknown: dict[FilePath, int] = {}
    for item in found.values():
        owner = _owner(item)
        if item.path is None or owner in found:
            continue
        total = item.bytes + _companion_bytes(item, found)
        if believed.get(item.path) == rank:
            tally.holdings[item.path] = Placed(rank, total)
        elif item.path in believed or item.path in tally.holdings or owner is not None:
            tally.repairs.append(Drop(item.path, rank, total))
        else:
            unknown[item.path] = total
    for known in store.files(list(unknown)):
        tally.holdings[known.path] = Placed(rank, unknown[known.path])
        tally.repairs.append(Adopt(known.path, rank, unknown[known.path]))
    used = sum(item.bytes for item in found.values()) + folder.partial_bytes()
    folder.count(used)
    ours = sum(placed.bytes for placed in tally.holdings.values() if placed.rank == rank)
    tally.taken[rank] = used - ours


def _owner(item: Found) -> str | None:
    """Return the name of the file that a companion belongs to, or None for a file."""
    if not item.name.endswith(COMPANION):
        return None
    owner = item.name.removesuffix(COMPANION)
    try:
        return parse_file_path(owner)
    except InvalidNameError:
        return None


def _companion_bytes(item: Found, found: Mapping[str, Found]) -> int:
    companion = found.get(item.name + COMPANION)
    return companion.bytes if companion else 0
