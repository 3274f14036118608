"""The tiers' folders: the only writer of held files.

A file becomes visible by a rename, after its bytes are checked and flushed. Partial
files live in `{tier}/.larder/`, because a tier may be a mount of its own and a rename
needs one filesystem; nginx's locations admit nothing but `{ab}/{cd}/{rest}/{name}`.
"""

from app.tiers.copying import copy
from app.tiers.disk import Disk
from app.tiers.errors import NoRoomError, TierFullError, TierMissingError, WrongContentError
from app.tiers.folder import Folder, Found, Leftover
from app.tiers.limits import open_folders, share_disks
from app.tiers.partial import Content, Partial, digest_of, partial_name

__all__ = [
    "Content",
    "Disk",
    "Folder",
    "Found",
    "Leftover",
    "NoRoomError",
    "Partial",
    "TierFullError",
    "TierMissingError",
    "WrongContentError",
    "copy",
    "digest_of",
    "open_folders",
    "partial_name",
    "share_disks",
]
