"""What a release takes over from the one before it, when the index learns of it."""

from dataclasses import dataclass

from app.scoring import Transfer, inherit
from app.store import Store


@dataclass(frozen=True, slots=True)
class Releases:
    """Hands heat on to new files, so that they are here before anybody asks."""

    store: Store
    # The share of its predecessor's heat that a new file takes over.
    share: float

    def plan(self, now: int) -> list[Transfer] | None:
        """Return what new files would take over; None where no file is new."""
        newest = self.store.newest_file()
        if self.store.handed_on() == newest:
            return None
        return self._transfers(newest, now)

    def hand_on(self, now: int) -> None:
        """Let the new files take it over."""
        newest = self.store.newest_file()
        self.store.hand_on(self._transfers(newest, now), newest)

    def _transfers(self, newest: int, now: int) -> list[Transfer]:
        return [
            transfer
            for files in self.store.siblings(newest, now)
            for transfer in inherit(files, self.share)
        ]
