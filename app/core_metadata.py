"""Core metadata (PEP 658) for every file that announces it, held or not."""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from app import model
from app.companions import Companions, WrongMetadataError
from app.locks import NameLocks
from app.names import FilePath, Sha256
from app.store import KnownFile, Store
from app.upstream import Upstream, UpstreamError

logger = logging.getLogger(__name__)

_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class MetadataParts:
    """What core metadata is kept with."""

    store: Store
    upstream: Upstream
    companions: Companions
    # One for each file that is being fetched, for all workers.
    locks: NameLocks


class CoreMetadata:
    """Fetches what is asked for, and forgets what no page lists any more."""

    def __init__(self, parts: MetadataParts, hosts: Collection[str], patience: float) -> None:
        """Ask `hosts` (`host[:port]`) alone; wait so many seconds for who asked before."""
        self._store, self._upstream = parts.store, parts.upstream
        self._companions, self._locks = parts.companions, parts.locks
        self._hosts, self._patience = hosts, patience

    def keep(self, path: FilePath) -> bool:
        """Keep a file's core metadata; False where that cannot be done.

        It cannot where no page announces its digest, or where upstream does not give
        it: then the client is answered as for any file that is not held.

        Raises:
            WrongMetadataError: What upstream gives is not what the page announces.
            StoreError: The database cannot be used.
            LockTimeoutError: Who asked before has waited too long for upstream.

        """
        if self._companions.has(path):
            return True
        with self._locks.hold(path, self._patience):
            # Who asked before may have brought it.
            return self._companions.has(path) or self._fetched(path)

    def _fetched(self, path: FilePath) -> bool:
        known = self._store.file(path)
        if known is None or known.metadata_sha256 is None or not self._trusted(known.origin):
            return False
        wrong: WrongMetadataError | None = None
        for url in self._upstream.url_of(path, known.origin):
            try:
                self._keep_from(url, known, known.metadata_sha256)
            except UpstreamError as error:
                logger.warning("no core metadata for %s: %s", path, error)
            except WrongMetadataError as error:
                wrong = WrongMetadataError(f"the core metadata of {path} is wrong: {error}")
            else:
                return True
        if wrong:
            raise wrong
        return False

    def withdraw(self) -> int:
        """Delete those of files that the store knows as taken off their pages; count them.

        Files whose records are gone as well are `forget_dropped`'s.
        """
        gone = [path for path in self._store.unlisted() if self._companions.has(path)]
        for path in gone:
            self._companions.remove(path)
        return len(gone)

    def count_dropped(self) -> int:
        """Return how many belong to files that no page lists any more."""
        return sum(len(part) for part in self._dropped())

    def forget_dropped(self) -> None:
        """Delete those that `count_dropped` counts."""
        for part in self._dropped():
            for path in part:
                self._companions.remove(path)

    def _keep_from(self, url: str, known: KnownFile, sha256: Sha256) -> None:
        content = self._upstream.core_metadata(url)
        self._companions.put(known.path, content, sha256, _mtime(known))

    def _dropped(self) -> Iterator[Sequence[FilePath]]:
        paths = self._companions.paths()
        while part := list(islice(paths, _BATCH)):
            listed = {known.path for known in self._store.files(part)}
            yield [path for path in part if path not in listed]

    def _trusted(self, origin: str | None) -> bool:
        return origin is None or urlsplit(origin).netloc.lower() in self._hosts


def _mtime(known: KnownFile) -> int | None:
    """Return the upload time, as on a tier: the ETag stays when the file is fetched."""
    moment = model.utc(known.upload_time) if known.upload_time else None
    return int(moment.timestamp()) if moment else None
