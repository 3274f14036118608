"""What bringing a project in step can come to."""

from enum import StrEnum

QUARANTINED = "quarantined"
"""PEP 792: "the project is considered generally unsafe for use"."""


class Outcome(StrEnum):
    """What bringing a project in step came to."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    # It is here, and upstream has it no more: whether to believe that, `remove` is for.
    GONE = "gone"
    # Upstream's list names it, and there is no page: a tombstone stands for it.
    ABSENT = "absent"
    # PEP 792: its page says so and lists no files; what is held of it goes.
    QUARANTINED = "quarantined"
    # Upstream has it, and filters hide it.
    HIDDEN = "hidden"
