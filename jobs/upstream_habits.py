"""What upstream has told of itself, kept from run to run so that it is not asked in vain."""

import json
import time

from app.upstream import UpstreamUnavailable
from jobs.parts import Parts

_PAUSE = "upstream_pause"
_LONGEST = 3600
"""What `UpstreamUnavailable.pause` may be; one that ends later is of a clock that was wrong."""

_NO_CHANGELOG = "upstream_has_no_changelog"
_DAY = 86_400
"""After so many seconds upstream is asked for a changelog again."""


class Habits:
    """The habits of the upstream that is configured; those of another say nothing.

    They are noted while a run is planned: where that ends in nothing to do, or in upstream
    being away, there is no step that could. What its pages ask for is noted at the end of
    the run. A dry run notes nothing.
    """

    def __init__(self, parts: Parts, *, noting: bool) -> None:
        """Look into the store."""
        self._parts, self._noting = parts, noting
        self._url = parts.config.upstream.pypi_url

    def refuse_in_pause(self, now: float) -> None:
        """Leave upstream alone, where it asked for that.

        Raises:
            UpstreamUnavailable: It is not to be asked yet.

        """
        until = self._known(_PAUSE)
        if 0 < until - now <= _LONGEST:
            clock = time.strftime("%H:%M:%S", time.localtime(until))
            raise UpstreamUnavailable(self._url, f"asked to be left alone until {clock}")

    def note_pause(self, pause: float | None, now: float) -> None:
        """Note that upstream asks to be left alone (`Retry-After`), if it does."""
        if pause is not None:
            self._note(_PAUSE, now + pause)

    def may_have_changelog(self, now: float) -> bool:
        """Whether it is worth to ask for the changelog."""
        return not 0 <= now - self._known(_NO_CHANGELOG) < _DAY

    def note_no_changelog(self, now: float) -> None:
        """Note that there is none."""
        self._note(_NO_CHANGELOG, now)

    def _known(self, key: str) -> int:
        value = self._parts.store.setting(key)
        url, when = json.loads(value) if value else ("", 0)
        return int(when) if url == self._url else 0

    def _note(self, key: str, when: float) -> None:
        if self._noting:
            self._parts.store.keep(key, json.dumps([self._url, int(when)]).encode())
