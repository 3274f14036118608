"""What was served, and from where: for `larder status`."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.store import Store
from app.traffic import HOUR, Amount, Answer, Kind, hit_ratio

_DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class TierTraffic:
    """What came from one tier, by its folder."""

    path: str
    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was served in a span of hours, below `/packages/`."""

    # "today" (UTC), or "week": the last seven days, today included.
    span: str
    requests: int
    # Sent from here; and what clients were redirected for, as far as the index tells.
    bytes: int
    elsewhere: int
    errors: int
    # Which share came from here; None where nothing was asked for.
    request_hit_ratio: float | None
    byte_hit_ratio: float | None
    tiers: list[TierTraffic]

    def __str__(self) -> str:
        """Return a sentence of it."""
        when = "today (UTC)" if self.span == "today" else "in the last seven days"
        if self.request_hit_ratio is None:
            return f"{when}: no file was asked for"
        parts = [f"{when}: {self.request_hit_ratio:.1%} of {self.requests} requests"]
        if self.byte_hit_ratio is not None:
            parts.append(f"{self.byte_hit_ratio:.1%} of the bytes")
        return f"{' and '.join(parts)} from here"


def served(store: Store, now: int) -> list[Traffic]:
    """Return what was served today, and in the last seven days."""
    end = now // HOUR + 1
    today = now // _DAY * (_DAY // HOUR)
    # Until now, whatever the clock of a spool's lines said.
    return [
        _span(span, store.traffic(since, end))
        for span, since in (("today", today), ("week", end - 7 * _DAY // HOUR))
    ]


def _span(span: str, sums: Mapping[Kind, Amount]) -> Traffic:
    answered = [one for kind, one in sums.items() if kind.answer is not Answer.ERROR]
    ratio = hit_ratio(sums.items())
    tiers: dict[str, tuple[int, int]] = {}
    for kind, amount in sorted(sums.items()):
        if kind.tier:
            requests, size = tiers.get(kind.tier, (0, 0))
            tiers[kind.tier] = requests + amount.requests, size + amount.bytes
    return Traffic(
        span,
        requests=sum(one.requests for one in answered),
        bytes=sum(one.bytes for one in answered),
        elsewhere=sum(one.elsewhere for one in answered),
        errors=sum(one.requests for kind, one in sums.items() if kind.answer is Answer.ERROR),
        request_hit_ratio=ratio.requests,
        byte_hit_ratio=ratio.bytes,
        tiers=[TierTraffic(path, *amounts) for path, amounts in tiers.items()],
    )
