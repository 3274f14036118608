"""A list of serials in the making, whichever way it comes in."""

from dataclasses import dataclass, field

from app.names import InvalidNameError, ProjectName, parse_project
from app.pages import values

_MOST = 3_000_000
"""Entries of a list; PyPI has some 800,000 projects (2026), and each takes memory."""

_REFUSED = 1000
"""So many refused entries are kept: they are told to somebody."""


class TooManyError(Exception):
    """The list is longer than any honest one."""


@dataclass(slots=True)
class Listing:
    """Names as they should be, and what could not be one."""

    serials: dict[ProjectName, int] = field(default_factory=dict)
    # What is no project's name, or has no serial.
    refused: list[str] = field(default_factory=list)
    # The last serial of all, where the list says it.
    last: int | None = None
    # How many entries had a name, and how many there were.
    named: int = 0
    entries: int = 0

    def add(self, text: str, serial: object) -> None:
        """Take an entry; the name is as upstream displays it.

        Raises:
            TooManyError: There are more than anybody has.

        """
        self.entries += 1
        if self.entries > _MOST:
            message = f"it lists more than {_MOST} projects"
            raise TooManyError(message)
        number = values.number(serial)
        try:
            name = parse_project(text)
        except InvalidNameError:
            self._refuse(text[:80])
            return
        self.named += 1
        if number is None:
            self._refuse(name)
        else:
            self.serials[name] = number

    def _refuse(self, text: str) -> None:
        if len(self.refused) < _REFUSED:
            self.refused.append(text)
