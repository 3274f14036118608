"""What one download tells all who read behind it: a small file beside its bytes."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Progress:
    """How a shared download stands."""

    # The process that downloads; nobody, where that is gone.
    pid: int
    # Known once upstream has answered.
    total: int | None = None
    etag: str | None = None
    content_type: str | None = None
    last_modified: str | None = None
    # When it ended (time(2)), well or not; None while it goes on.
    ended: float | None = None
    # Why nobody gets it so: it has no size, or is too large for the room there is.
    unfit: bool = False
    # That no place upstream gives it, and whether they say that it does not exist.
    nowhere: bool = False
    absent: bool = False

    @property
    def alive(self) -> bool:
        """Whether somebody still downloads."""
        if self.ended is not None:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def write(path: Path, progress: Progress) -> None:
    """Write it, whole at every moment."""
    partial = path.with_suffix(f".{os.getpid()}.new")
    partial.write_text(json.dumps(asdict(progress)))
    partial.replace(path)


def read(path: Path) -> Progress | None:
    """Return what is there; None where nothing is, or nothing that can be read."""
    try:
        return Progress(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
