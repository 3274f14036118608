"""Heat: votes that fade, kept as one number a file that time alone never changes.

A vote's weight halves every half-life. So that nothing must be rewritten as time goes
by, heat is stored as it would be at a fixed time, the reference: a vote at time t weighs
2^((t - reference) / half_life) for ever, and the sum of them times
2^((reference - now) / half_life) is the heat of now.
"""

from dataclasses import dataclass

_MOST = 512
"""Half-lives after which the reference is too old: floats end at 2^1024, and the other
half is left to sums of votes, and to those that are late to rebase."""
_LARGEST = 960
"""The power of two beyond which a million million votes might not add up to a float."""


@dataclass(frozen=True, slots=True)
class HeatScale:
    """What stored heat means: the time it is stored as of, and how fast it fades."""

    # Seconds since the epoch.
    reference: int
    # Seconds.
    half_life: int

    def weight(self, time: int, now: int) -> float:
        """Return what a vote adds to its file's stored heat.

        A vote from the future (a clock that went back) counts as one of now.
        """
        return _power((min(time, now) - self.reference) / self.half_life)

    def heat(self, stored: float, now: int) -> float:
        """Return the heat of now: the number of votes, had all come just now."""
        return stored * _power((self.reference - now) / self.half_life)

    def stored(self, heat: float, now: int) -> float:
        """Return what is stored for a heat of now."""
        return heat * _power((now - self.reference) / self.half_life)

    def is_stale(self, now: int) -> bool:
        """Whether the reference is so old that stored heat must be rebased."""
        return now - self.reference > _MOST * self.half_life

    def rebased(self, now: int) -> "tuple[HeatScale, float]":
        """Return the scale that has now as its reference, and the factor to it.

        All stored heat is to be multiplied with the factor, in the transaction that
        stores the new reference.
        """
        return HeatScale(now, self.half_life), self.heat(1.0, now)


def _power(exponent: float) -> float:
    """Return 2 to the power, where a float can hold it."""
    return float(2.0 ** min(exponent, _LARGEST))
