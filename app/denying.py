"""Known-bad files: refused at once, taken off every tier, and off their pages."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256

from app.denials import Denials
from app.holdings import Holdings
from app.index import Index
from app.store import Store

logger = logging.getLogger(__name__)

_DENIED = "denied"
"""The setting that tells for which digests this was done last."""


@dataclass(frozen=True, slots=True)
class Denying:
    """Carries out `filters.files.deny_sha256`; what comes later, the index itself marks."""

    store: Store
    denials: Denials
    digests: Collection[str]

    @property
    def due(self) -> bool:
        """Whether the digests are others than when this was done last."""
        known = self.store.setting(_DENIED)
        return known != self._mark if known is not None else bool(self.digests)

    def carry_out(self, holdings: Holdings, index: Index) -> None:
        """Refuse the files, delete what is held of them, and render their pages anew.

        It goes through all files once, and so is done only where the digests are others.
        """
        found = self.store.hashed(self.digests)
        self.denials.replace([path for path, _ in found])
        if found:
            self.store.conceal([path for path, _ in found])
            holdings.withdraw()
            logger.info("refused %d files with a denied SHA-256", len(found))
        for name in sorted({name for _, name in found}):
            index.render(name)
        self.store.keep(_DENIED, self._mark)

    @property
    def _mark(self) -> bytes:
        return sha256(" ".join(sorted(self.digests)).encode()).hexdigest().encode()
