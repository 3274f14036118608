"""What is on the tiers' disks, against what the store believes."""

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from app.names import COMPANION, FilePath, InvalidNameError, parse_file_path
from app.planning import Placed
from app.steps import Adopt, Drop, Lose, Step
from app.store import Held, Store
from app.tiers import Folder, Found, Leftover, TierMissingError, share_disks


@dataclass(frozen=True, slots=True)
class Survey:
    """What is on the disks, against what the store believes."""

    holdings: Mapping[FilePath, Placed]
    # Bytes on each tier that no plan may count on: those of files that larder does not
    # know, and those that its disk does not have. Partial files are not among them.
    taken: Mapping[int, int]
    # The partial files on each tier.
    leftovers: Mapping[int, Sequence[Leftover]]
    # Held files whose announced core metadata is missing.
    incomplete: Collection[FilePath]
    # What brings store and disk together.
    repairs: Sequence[Step]


@dataclass(slots=True)
class _Tally:
    """A survey in the making."""

    holdings: dict[FilePath, Placed] = field(default_factory=dict)
    # Bytes on each tier that belong to no holding, and those of its partial files.
    foreign: dict[int, int] = field(default_factory=dict)
    used: dict[int, int] = field(default_factory=dict)
    leftovers: dict[int, list[Leftover]] = field(default_factory=dict)
    incomplete: set[FilePath] = field(default_factory=set)
    repairs: list[Step] = field(default_factory=list)
    # Found where the store does not say that they are: path, rank, bytes, and whether
    # announced metadata is missing.
    strays: list[tuple[FilePath, int, int, bool]] = field(default_factory=list)

    def settle_strays(self) -> None:
        """Drop second copies; of a file that is nowhere else, the copy is the file."""
        for path, rank, total, incomplete in self.strays:
            if path in self.holdings:
                self.repairs.append(Drop(path, rank, total))
            else:
                self.holdings[path] = Placed(rank, total)
                self.repairs.append(Adopt(path, rank, total))
                self.foreign[rank] -= total
                self.incomplete |= {path} if incomplete else set()


def survey(store: Store, folders: Mapping[int, Folder], dropped: Collection[Folder] = ()) -> Survey:
    """Walk all tiers, and set each folder's count of used bytes, and its limit.

    `dropped` are those that the configuration has no more, and that have files.

    Raises:
        OSError: A tier cannot be read.
        TierMissingError: One that should hold files is not there.

    """
    held = list(store.holdings())
    roots = {folder.tier.root for folder in (*folders.values(), *dropped)}
    believed = {one.path: one for one in held if one.root in roots}
    tally = _Tally()
    for folder in folders.values():
        _survey_tier(store, folder, believed, tally)
    # Before those of dropped tiers: somebody may have moved the folder himself.
    tally.settle_strays()
    for folder in dropped:
        _survey_dropped(folder, believed.values(), tally)
    lost = tuple(one.path for one in held if one.path not in tally.holdings)
    repairs = [Lose(lost), *tally.repairs] if lost else tally.repairs
    taken = dict(tally.foreign)
    for rank, limit in share_disks(folders, tally.used).items():
        folders[rank].count(tally.used[rank], limit)
        taken[rank] += folders[rank].tier.size_limit - limit
    return Survey(tally.holdings, taken, tally.leftovers, tally.incomplete, repairs)


def _survey_tier(
    store: Store, folder: Folder, believed: Mapping[FilePath, Held], tally: _Tally
) -> None:
    rank = folder.tier.rank
    found = {item.name: item for item in folder.scan()}
    _refuse_unmounted(folder, found, believed)
    unknown: dict[FilePath, int] = {}
    for item in found.values():
        owner = _owner(item)
        if item.path is None or owner in found:
            continue
        total = item.bytes + _companion_bytes(item, found)
        held = believed.get(item.path)
        if held and held.root == folder.tier.root:
            tally.holdings[item.path] = Placed(rank, total)
            if held.listed and held.bytes != total:
                tally.repairs.append(Adopt(item.path, rank, total))
            if held.announced and item.name + COMPANION not in found:
                tally.incomplete.add(item.path)
        elif owner is not None:
            tally.repairs.append(Drop(item.path, rank, total))
        elif held or item.path in tally.holdings:
            lacks = bool(held and held.announced and item.name + COMPANION not in found)
            tally.strays.append((item.path, rank, total, lacks))
        else:
            unknown[item.path] = total
    _sort_unknown(store, rank, unknown, found, tally)
    _add_up(folder, sum(item.bytes for item in found.values()), tally)


def _sort_unknown(
    store: Store,
    rank: int,
    unknown: Mapping[FilePath, int],
    found: Mapping[str, Found],
    tally: _Tally,
) -> None:
    """Adopt what the index lists, drop what it has listed once, and leave others theirs."""
    for path in store.unlisted_of(list(unknown)):
        # A kill has left it, before its record.
        tally.repairs.append(Drop(path, rank, unknown[path]))
    for known in store.files(list(unknown)):
        tally.holdings[known.path] = Placed(rank, unknown[known.path])
        if known.metadata_sha256 and known.path + COMPANION not in found:
            tally.incomplete.add(known.path)
        tally.repairs.append(Adopt(known.path, rank, unknown[known.path]))


def _survey_dropped(folder: Folder, believed: Iterable[Held], tally: _Tally) -> None:
    """Find the files of a tier that the configuration has dropped; nothing else is ours."""
    for held in believed:
        if held.root == folder.tier.root and held.path not in tally.holdings:
            with suppress(OSError):
                if folder.path(held.path).exists():
                    tally.holdings[held.path] = Placed(folder.tier.rank, folder.size(held.path))


def _refuse_unmounted(
    folder: Folder, found: Mapping[str, Found], believed: Mapping[FilePath, Held]
) -> None:
    """Tell a tier whose files were deleted from one whose disk is not there.

    Raises:
        TierMissingError: All its files are gone, and so is its mark.

    """
    count = sum(held.root == folder.tier.root for held in believed.values())
    if not count or folder.marked or any(item.path for item in found.values()):
        return
    own, mark = (shlex.quote(str(path)) for path in (folder.marker.parent, folder.marker))
    raise TierMissingError(
        f"{folder.root} should hold {count} files and has none; nothing was changed. Mount "
        f"its disk; or, if the files are gone for good: mkdir -p {own} && touch {mark}"
    )


def _add_up(folder: Folder, visible: int, tally: _Tally) -> None:
    rank = folder.tier.rank
    leftovers = list(folder.leftovers())
    ours = sum(placed.bytes for placed in tally.holdings.values() if placed.rank == rank)
    tally.leftovers[rank] = leftovers
    tally.foreign[rank] = visible - ours
    tally.used[rank] = visible + sum(left.bytes for left in leftovers)


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
