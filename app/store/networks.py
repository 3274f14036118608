"""The networks that voted, in plain text: only where `votes.keep_networks` says so."""

from collections.abc import Iterable, Iterator

from peewee import EXCLUDED, BigIntegerField, Case, Model, SchemaManager, TextField

from app import model
from app.store.connection import Connection, chunks


class Network(Model):
    """A network, by the number that stands for it in votes, and when it last voted."""

    id = BigIntegerField(primary_key=True)
    name = TextField()
    seen = BigIntegerField(index=True)

    class Meta:
        """Peewee's options."""

        table_name = "network"


class NetworkQueries(Connection):
    """Queries about who voted; the table is there only once something was to be kept."""

    def keep_networks(self, votes: Iterable[model.Vote]) -> None:
        """Remember which networks the numbers of votes stand for, where the votes tell."""
        rows: dict[int, tuple[int, str, int]] = {}
        for vote in votes:
            if vote.client is not None:
                seen = rows[vote.network][2] if vote.network in rows else 0
                rows[vote.network] = (vote.network, vote.client, max(seen, vote.time))
        if not rows:
            return
        with self._writing():
            if not self._has_networks():
                SchemaManager(Network, self._db).create_all(safe=True)
            for part in chunks(sorted(rows.values())):
                kept = Network.insert_many(part, fields=[Network.id, Network.name, Network.seen])
                later = Case(None, [(Network.seen > EXCLUDED.seen, Network.seen)], EXCLUDED.seen)
                self._run(
                    kept.on_conflict(conflict_target=[Network.id], update={Network.seen: later})
                )

    def networks(self) -> Iterator[tuple[int, str]]:
        """Yield the number and the name of every network that is kept."""
        with self._reading():
            if self._has_networks():
                yield from self._rows(Network.select(Network.id, Network.name))

    def count_networks(self, before: int) -> int:
        """Return how many networks `forget_networks` would forget."""
        with self._reading():
            if not self._has_networks():
                return 0
            return int(Network.select().where(Network.seen < before).count(self._db))

    def forget_networks(self, before: int) -> None:
        """Forget the networks that have not voted since a time."""
        with self._writing():
            if self._has_networks():
                self._run(Network.delete().where(Network.seen < before))

    def _has_networks(self) -> bool:
        return bool(self._db.table_exists("network"))
