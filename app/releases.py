"""What a release takes over from the one before it, when the index learns of it."""

from dataclasses import dataclass

from app.scoring import Member, inheritance
from app.store import Store, Transfer


@dataclass(frozen=True, slots=True)
class Releases:
    """Hands heat on to new files, so that they are here before anybody asks."""

    store: Store
    # The share of its predecessor's heat that a new file takes over.
    share: float

    def any_new(self) -> bool:
        """Whether files came since heat was last handed on."""
        return self.store.handed_on() != self.store.newest_file()
