"""The scale of heat: votes weighed against one moment, so that decay writes no row."""

import json
from dataclasses import asdict, dataclass
from typing import Self

HALF_LIFE = 72 * 3600
"""Seconds, until `score` has told what the configuration says."""

_FAR = 200
"""Half-lives after which the scale is moved: 2^200 is far from what a float can hold."""


@dataclass(frozen=True, slots=True)
class HeatScale:
    """A vote's weight is 2^((its time - reference) / half-life); seconds all three."""

    reference: int
    half_life: float

    @classmethod
    def loads(cls, value: bytes) -> Self:
        """Read it from the database."""
        return cls(**json.loads(value))

    def dumps(self) -> bytes:
        """Return it as the database has it."""
        return json.dumps(asdict(self)).encode()

    def weight(self, time: int) -> float:
        """Return what a vote of a time counts on this scale."""
        exponent = (time - self.reference) / self.half_life
        # A clock that jumped must not end in an overflow; `worn` has the scale moved.
        return float(2.0 ** max(-1000.0, min(1000.0, exponent)))

    def worn(self, now: int) -> bool:
        """Whether it is time for another reference."""
        return abs(now - self.reference) / self.half_life > _FAR
