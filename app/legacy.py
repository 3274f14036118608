"""Legacy JSON in step with the pages: of the serial that they have, or not at all."""

import logging
import time
from collections.abc import Callable

from app.model import Project
from app.names import ProjectName
from app.pages import values
from app.shelf import PROJECT, Shelf
from app.store import Store
from app.upstream import Legacy, Upstream, UpstreamError, UpstreamUnavailable

logger = logging.getLogger(__name__)

_ASKED = "legacy_asked"
"""The setting that tells when upstream was last asked for legacy JSON that it had lacked."""

_PAUSE = 86_400
_SOME = 8
"""So many projects are asked about then: where one has it, all are asked about once more."""


class StaleLegacyError(UpstreamUnavailable):
    """Upstream's legacy JSON is of another serial than its page: one is a stale copy."""


class LegacyPages:
    """The legacy JSON of whole projects, where it is mirrored with the pages."""

    def __init__(
        self,
        upstream: Upstream,
        store: Store,
        shelf: Shelf,
        *,
        mirrored: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Fetch it with each page if `mirrored`; else all of this does nothing."""
        self._upstream, self._store, self._shelf = upstream, store, shelf
        self._mirrored, self._clock = mirrored, clock
        self._noted = False

    def beside(
        self, project: Project, fetched: Legacy | None, *, insist: bool = False
    ) -> bytes | None:
        """Return what is to lie beside a page that is about to be written.

        None where upstream has none, or not of the page's serial yet: a release must
        not wait for it, unless filters `insist`, which go by it. `fetched` is what the page's
        own fetch has brought.

        Raises:
            UpstreamError: It cannot be had now, and filters insist.

        """
        if not self._mirrored:
            return None
        try:
            found = fetched or self._upstream.legacy(project.name)
            if found is not None:
                check(project.name, found, project.serial)
        except UpstreamError as error:
            if insist:
                raise
            logger.info("%s", error)
            return None
        return found.body if found else None

    def complete(self, name: ProjectName) -> None:
        """Fetch what `beside` could not have.

        Raises:
            UpstreamError: It is still not of the page's serial, or cannot be had.

        """
        if not self._mirrored or self.has(name):
            return
        again = self._store.lacked_legacy(name)
        known = self._store.tracked_project(name)
        serial = known.serial if known else None
        if (found := self._upstream.legacy(name)) is not None:
            check(name, found, serial)
            self._shelf.put_legacy(name, serial, PROJECT, found.body)
        self._store.note_legacy(name, here=found is not None)
        if found is None or again:
            self._note_asked(again=again)
        if found is not None and again:
            self._store.expect_legacy()

    def has(self, name: ProjectName) -> bool:
        """Whether the legacy JSON of a project is here."""
        return self._shelf.legacy(name, PROJECT) is not None

    def doubtful(self) -> list[ProjectName]:
        """Return some of the projects without any, if they are to be asked about again.

        Upstream may have been in trouble, or was another one. There may be a million of
        them, so a few are asked about once a day; where `complete` finds that of one, it
        expects that of the others too.
        """
        if not self._mirrored or (asked := self._asked()) is None:
            return []
        return self._store.lacking_legacy(_SOME) if self._clock() - asked >= _PAUSE else []

    def _asked(self) -> int | None:
        value = self._store.setting(_ASKED)
        return int(value) if value else None

    def _note_asked(self, *, again: bool) -> None:
        """Note that upstream was asked, once in a process; the first time, it lacks something."""
        if not self._noted and (again or self._asked() is None):
            self._store.keep(_ASKED, b"%d" % self._clock())
        self._noted = self._noted or again

    @property
    def mirrored(self) -> bool:
        """Whether legacy JSON is kept with every page."""
        return self._mirrored


def serial_of(legacy: Legacy) -> int | None:
    """Return the serial that legacy JSON says."""
    return values.number(legacy.known.get("last_serial"))


def check(name: ProjectName, legacy: Legacy, serial: int | None) -> None:
    """Refuse legacy JSON that is not of the page's serial; what has none cannot be told.

    Raises:
        StaleLegacyError: It is older, or newer; later the two will be one again.

    """
    found = serial_of(legacy)
    if serial is not None and found is not None and found != serial:
        what = f"has serial {found}, but the page has {serial}; one of them is a stale copy"
        raise StaleLegacyError(f"the legacy JSON of {name}", what)
