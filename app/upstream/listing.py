"""A list of serials in the making, whichever way it comes in."""

from dataclasses import dataclass, field

from app.names import InvalidNameError, ProjectName, parse_project
from app.pages import values


@dataclass(slots=True)
class Listing:
    """Names as they should be, and what could not be one."""

    serials: dict[ProjectName, int] = field(default_factory=dict)
    # What is no project's name, or has no serial.
    refused: list[str] = field(default_factory=list)
    # The last serial of all, where the list says it.
    last: int | None = None
    # How many entries had a name.
    named: int = 0

    def add(self, text: str, serial: object) -> None:
        """Take an entry; the name is as upstream displays it."""
        number = values.number(serial)
        try:
            name = parse_project(text)
        except InvalidNameError:
            self.refused.append(text[:80])
            return
        self.named += 1
        if number is None:
            self.refused.append(name)
        else:
            self.serials[name] = number
