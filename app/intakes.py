"""Who counts what nginx spools: votes, and what was served."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.clients import network_id
from app.model import Vote, VoteSource
from app.spool import parse_spool_line
from app.store import Store
from app.traffic import add_up


@dataclass(frozen=True, slots=True)
class VoteIntake:
    """Counts the votes that nginx took while the application was away, or always."""

    store: Store
    # Seconds in which a network's repeated votes for a file count once.
    window: int
    # Whether the database shall know the networks themselves, too.
    keep_networks: bool = False

    def position(self, mark: int) -> int:
        """Return how far a file is read, in bytes."""
        return self.store.spool_position(mark)

    def take(self, lines: Sequence[bytes], mark: int, position: int) -> int:
        """Count votes; return how many opened a window."""
        votes = list(self._votes(lines))
        self.store.keep_networks(votes)
        return self.store.add_spooled(votes, self.window, mark, position)

    def forget(self, mark: int) -> None:
        """Forget a file that is deleted."""
        self.store.forget_spool(mark)

    def _votes(self, lines: Sequence[bytes]) -> Iterator[Vote]:
        key = self.store.network_key() if lines else b""
        for line in lines:
            found = parse_spool_line(line)
            if found is not None:
                number = found.number
                if number is None:
                    number = network_id(key, found.network or "")
                client = found.network if self.keep_networks else None
                yield Vote(found.path, number, int(found.time), VoteSource.SPOOL, client)


@dataclass(frozen=True, slots=True)
class TrafficIntake:
    """Adds up what nginx answered, by the hour."""

    store: Store

    def position(self, mark: int) -> int:
        """Return how far a file is read, in bytes."""
        return self.store.spool_position(mark)

    def take(self, lines: Sequence[bytes], mark: int, position: int) -> int:
        """Add lines; return how many answers they tell of."""
        sums = add_up(lines)
        self.store.add_traffic(sums, mark, position)
        return sum(amount.requests for amount in sums.values())

    def forget(self, mark: int) -> None:
        """Forget a file that is deleted."""
        self.store.forget_spool(mark)
