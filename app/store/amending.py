"""What an older database of the same version may lack, and gets when it is opened."""

import peewee

_VERIFIED_AT = "ALTER TABLE holding ADD COLUMN verified_at INTEGER NOT NULL DEFAULT 0"


def amend(database: peewee.Database) -> None:
    """Add what is missing; within the caller's transaction."""
    if all(column.name != "verified_at" for column in database.get_columns("holding")):
        peewee.RawQuery(_VERIFIED_AT).execute(database)
