"""How far the index is behind upstream: what was seen there, and what was carried out."""

import json
from dataclasses import asdict, dataclass

from app.steps import KeepList
from app.store import Store

_LIST = "upstream_list"
"""The setting that tells which list of upstream's the index is in step with."""

_SEEN = "upstream_seen"
"""The setting that tells the last serial that upstream showed."""

_IN_STEP = "index_in_step"
"""The setting that tells when upstream was asked for what is all here by now."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the index is behind; None where it is not known, or upstream has no serials."""

    serials: int | None
    # Since upstream was asked for what is here: a mirror in step has some minutes.
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Freshness:
    """The notes of `sync-index`, and what follows from them."""

    store: Store

    def kept_list(self) -> KeepList:
        """Return which list of upstream's the index is in step with."""
        value = self.store.setting(_LIST)
        return KeepList(**json.loads(value)) if value else KeepList(None)

    def keep_list(self, done: KeepList) -> None:
        """Note which list is carried out."""
        self.store.keep(_LIST, json.dumps(asdict(done)).encode())

    def saw(self, serial: int) -> None:
        """Note the serial that upstream is at."""
        self.store.keep(_SEEN, str(serial).encode())

    def in_step(self, asked_at: float) -> None:
        """Note that all is here that upstream had at a time."""
        self.store.keep(_IN_STEP, repr(asked_at).encode())

    def lag(self, now: float) -> Lag:
        """Return how far the index is behind."""
        seen, asked_at = self.store.setting(_SEEN), self.store.setting(_IN_STEP)
        here = self.kept_list().known
        return Lag(
            max(0, int(seen) - (here or 0)) if seen else None,
            max(0.0, now - float(asked_at)) if asked_at else None,
        )
