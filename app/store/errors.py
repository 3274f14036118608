"""What can go wrong with the database."""


class StoreError(Exception):
    """The database cannot be used; the message says why, and what to do."""


class UnlistedError(StoreError):
    """No page lists the file any more: it cannot be held."""


class StoreBusyError(StoreError):
    """Another process held the database for too long; trying again may help."""


class StoreAwayError(StoreBusyError):
    """The database's server cannot be reached; once it is back, trying again helps."""
