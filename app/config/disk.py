"""What is on disk where a path points, without ever failing."""

import shlex
from enum import Enum, auto
from pathlib import Path
from stat import S_ISDIR


class Sight(Enum):
    """What a look at a path shows."""

    FOLDER = auto()
    FILE = auto()
    MISSING = auto()
    # The path leads through a folder that this user may not enter.
    HIDDEN = auto()
    # A part of it is a file, its links go in a circle, or it is too long.
    IMPOSSIBLE = auto()


def look(path: Path) -> Sight:
    """Return what is there."""
    try:
        return Sight.FOLDER if S_ISDIR(path.stat().st_mode) else Sight.FILE
    except FileNotFoundError:
        return Sight.MISSING
    except PermissionError:
        return Sight.HIDDEN
    except OSError:
        return Sight.IMPOSSIBLE


def absolute(folder: Path, path: Path) -> Path:
    """Return a path that may be relative to `folder` as absolute."""
    whole = folder.absolute() / path
    # `..` after a symbolic link is not the folder that the text seems to name.
    return real(whole) if ".." in whole.parts else whole


def real(path: Path) -> Path:
    """Return a path without symbolic links, as far as they can be followed."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path


def folder_complaint(path: Path) -> str | None:
    """Return what to do about a path that should be a folder; None where it is one."""
    match look(path):
        case Sight.FOLDER:
            return None
        case Sight.MISSING:
            return f"{path} does not exist; create it: mkdir -p {shlex.quote(str(path))}"
        case Sight.FILE:
            return f"{path} is a file; name a folder"
        case Sight.HIDDEN:
            return f"{path} cannot be seen; give the user that runs larder access to it"
        case Sight.IMPOSSIBLE:
            return _IMPOSSIBLE.format(path=path)


def file_complaint(path: Path) -> str | None:
    """Return what to do about a path that should be a file, as far as this user sees it."""
    match look(path):
        case Sight.FILE | Sight.HIDDEN:
            return None
        case Sight.MISSING:
            return f"{path} does not exist; put the file there, or name another"
        case Sight.FOLDER:
            return f"{path} is a folder; name a file in it"
        case Sight.IMPOSSIBLE:
            return _IMPOSSIBLE.format(path=path)


_IMPOSSIBLE = (
    "{path} cannot exist: a part of it is a file, a link to itself, or too long; name another"
)
