"""From the tables of an older larder to those of this one, without losing a row."""

from collections.abc import Mapping
from typing import Final

UPGRADES: Final[Mapping[bytes, tuple[bytes, tuple[str, ...]]]] = {
    # Nothing tells how its pages were rendered: each is rendered once more, from what is here.
    b"2": (
        b"3",
        (
            "ALTER TABLE project ADD COLUMN rendered TEXT",
            "ALTER TABLE project ADD COLUMN legacy INTEGER",
            'CREATE INDEX "file_unlisted" ON "file" ("id") WHERE "listed" = 0',
        ),
    ),
}
"""From each version the next, and the statements that lead there."""
