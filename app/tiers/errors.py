"""What can go wrong with the tiers' folders."""


class NoRoomError(Exception):
    """The tier's limit, or the disk, has no room for the file."""


class TierFullError(NoRoomError):
    """The tier's limit has no room for the file; what its disk has left does not matter."""


class WrongContentError(Exception):
    """The bytes are not those that the index promises."""


class TierMissingError(Exception):
    """A tier that should hold files is empty: its disk is not mounted, most likely."""
