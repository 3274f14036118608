"""The Range header, as far as one range goes (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<suffix>\d{1,18}))")


# uv and pip ask for one; more of them than this are no resolver's.
_MOST_PARTS = 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """One range: from `first` on, to `last` where it is set; or the last `suffix` bytes."""

    first: int = 0
    last: int | None = None
    suffix: int | None = None

    def within(self, total: int) -> tuple[int, int] | None:
        """Return the first and last byte of it in so many; None where it has none (416)."""
        if self.suffix is not None:
            first, last = max(0, total - self.suffix), total - 1
        else:
            first, last = self.first, total - 1 if self.last is None else min(self.last, total - 1)
        return (first, last) if first <= last else None


def is_small(header: str | None, bound: int, total: int | None) -> bool:
    """Whether a Range header asks for at most so many bytes of a file of `total`, if known.

    >>> is_small("bytes=-16384", 1 << 20, None), is_small("bytes=0-", 1 << 20, None)
    (True, False)
    """
    unit, _, listed = (header or "").replace(" ", "").lower().partition("=")
    parts = [parse_range(f"bytes={part}") for part in listed.split(",")]
    if unit != "bytes" or len(parts) > _MOST_PARTS:
        return False
    lengths = [_length(part, total) for part in parts]
    return None not in lengths and sum(filter(None, lengths)) <= bound


def _length(part: Wanted | None, total: int | None) -> int | None:
    """Return how many bytes a range has; None where that is not known."""
    if part is None:
        return None
    if part.suffix is not None:
        return part.suffix
    if part.last is not None:
        return part.last - part.first + 1
    return None if total is None else max(0, total - part.first)


def parse_range(header: str | None) -> Wanted | None:
    """Return what a Range header asks for; None where the whole is the answer.

    That is where there is no header, one that is malformed, and one of several ranges,
    which a server may ignore.

    >>> parse_range("bytes=-500")
    Wanted(first=0, last=None, suffix=500)
    """
    match = _RANGE.fullmatch((header or "").replace(" ", "").lower())
    if match is None:
        return None
    if match["suffix"]:
        return Wanted(suffix=int(match["suffix"]))
    first, last = int(match["first"]), int(match["last"]) if match["last"] else None
    # RFC 9110, section 14.1.1: a range whose end is before its start is invalid.
    return None if last is not None and last < first else Wanted(first, last)
