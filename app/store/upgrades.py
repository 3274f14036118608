"""From the tables of an older larder to those of this one, without losing a row."""

from collections.abc import Mapping
from typing import Final

COUNT_TIERS: Final = """
UPDATE tier SET
    held_files = (SELECT COUNT(*) FROM holding WHERE tier_id = tier.id),
    held_bytes = (SELECT COALESCE(SUM(holding.bytes), 0) FROM holding WHERE tier_id = tier.id)
"""
"""Counts what each tier holds."""

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
    # Votes were rows of their own; 2^(-days / 3) is what a day makes of the usual half-life.
    b"3": (
        b"4",
        (
            """
            CREATE TABLE tally (hour INTEGER NOT NULL, file INTEGER NOT NULL,
            source INTEGER NOT NULL, votes INTEGER NOT NULL,
            PRIMARY KEY (hour, file, source)) WITHOUT ROWID
            """,
            "INSERT INTO tally SELECT time / 3600, file, 0, COUNT(*) FROM vote GROUP BY 1, 2",
            """
            CREATE TABLE heat (file INTEGER NOT NULL PRIMARY KEY, heat REAL NOT NULL,
            votes INTEGER NOT NULL, ever INTEGER NOT NULL, inherited INTEGER NOT NULL)
            """,
            """
            INSERT INTO heat SELECT file, SUM(CASE (CAST(strftime('%s') AS INTEGER) - time) / 86400
            WHEN 0 THEN 1.0 WHEN 1 THEN 0.79 WHEN 2 THEN 0.63 WHEN 3 THEN 0.5 WHEN 4 THEN 0.4
            WHEN 5 THEN 0.31 WHEN 6 THEN 0.25 ELSE 0.2 END), COUNT(*), COUNT(*), 0
            FROM vote GROUP BY file
            """,
            """
            INSERT INTO setting SELECT 'heat', CAST(json_object(
            'reference', CAST(strftime('%s') AS INTEGER), 'half_life', 259200) AS BLOB)
            """,
            "DROP TABLE vote",
            "ALTER TABLE holding ADD COLUMN verified_at INTEGER NOT NULL DEFAULT 0",
        ),
    ),
    # Votes of late were in the tallies as well; those that are stay there.
    b"4": (b"5", ('ALTER TABLE "window" ADD COLUMN source INTEGER',)),
    b"5": (
        b"6",
        (
            """
            CREATE TABLE traffic (hour INTEGER NOT NULL, answer TEXT NOT NULL,
            tier TEXT NOT NULL, reason TEXT NOT NULL, requests INTEGER NOT NULL,
            bytes INTEGER NOT NULL, elsewhere INTEGER NOT NULL,
            PRIMARY KEY (hour, answer, tier, reason)) WITHOUT ROWID
            """,
            "ALTER TABLE tier ADD COLUMN held_files INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE tier ADD COLUMN held_bytes INTEGER NOT NULL DEFAULT 0",
            COUNT_TIERS,
        ),
    ),
    b"6": (
        b"7",
        (
            "ALTER TABLE project ADD COLUMN hidden TEXT",
            "ALTER TABLE project ADD COLUMN review_at INTEGER",
            "ALTER TABLE project ADD COLUMN metadata_only INTEGER",
            'CREATE INDEX "file_hidden" ON "file" ("id") WHERE "listed" = -2',
        ),
    ),
    b"7": (
        b"8",
        (
            """
            CREATE TABLE pin (file_id INTEGER NOT NULL PRIMARY KEY
            REFERENCES file (id) ON DELETE CASCADE, reason TEXT NOT NULL, time INTEGER NOT NULL)
            """,
        ),
    ),
}
"""From each version the next, and the statements that lead there."""
