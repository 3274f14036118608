"""Bounds that an operator sets on what larder does to disks and lines."""

from dataclasses import dataclass
from enum import StrEnum


class Keep(StrEnum):
    """How far the wish goes (`packages.keep`)."""

    POPULAR = "popular"
    ALL = "all"
    PINNED = "pinned"


@dataclass(frozen=True, slots=True)
class MinFree:
    """What tiers leave free of each filesystem; None: a little, by the filesystem's size."""

    bytes: int | None = None
    inodes: int | None = None


@dataclass(frozen=True, slots=True)
class MoveBudget:
    """Bytes that one run may fetch, promote and demote; None: as many as it likes."""

    fetch: int | None = None
    promote: int | None = None
    demote: int | None = None

    def of(self, verb: str) -> int | None:
        """Return the bytes that steps of one verb may have."""
        return {"fetch": self.fetch, "promote": self.promote, "demote": self.demote}[verb]
