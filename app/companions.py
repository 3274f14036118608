"""Core metadata of files that are not held: `{repo_path}/metadata/`.

A held file has its companion beside it, on its tier; this is for the others. Nothing
becomes visible before its digest is checked.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from app.atomic import replacing
from app.names import COMPANION, FilePath, InvalidNameError, Sha256, companion_of, parse_file_path

METADATA = "metadata"
"""The folder below `repo_path`."""


class WrongMetadataError(Exception):
    """The bytes are not those that the index promises."""


class Companions:
    """The folder of core metadata without its file."""

    def __init__(self, repo_path: Path) -> None:
        """Make the folders if they are missing."""
        self._root = repo_path / METADATA
        self._staging = repo_path / "run" / "staging"
        self._root.mkdir(parents=True, exist_ok=True)
        self._staging.mkdir(parents=True, exist_ok=True)

    def has(self, path: FilePath) -> bool:
        """Whether a file's core metadata is kept here."""
        return self._place(path).is_file()

    def put(self, path: FilePath, body: bytes, sha256: Sha256, mtime: int | None) -> None:
        """Keep a file's core metadata.

        Raises:
            WrongMetadataError: It has another digest.

        """
        digest = hashlib.sha256(body).hexdigest()
        if digest != sha256:
            raise WrongMetadataError(f"its SHA-256 is {digest}, the index says {sha256}")
        target = self._place(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, self._staging, mtime) as stream:
            stream.write(body)

    def remove(self, path: FilePath) -> None:
        """Delete a file's core metadata, and the folders that it leaves empty."""
        place = self._place(path)
        place.unlink(missing_ok=True)
        for folder in place.relative_to(self._root).parents[:-1]:
            try:
                (self._root / folder).rmdir()
            except OSError:
                return

    def paths(self) -> Iterator[FilePath]:
        """Yield the files whose core metadata is kept."""
        for folder, _, names in os.walk(self._root):
            for name in names:
                place = (Path(folder) / name).relative_to(self._root).as_posix()
                try:
                    yield parse_file_path(place.removesuffix(COMPANION))
                except InvalidNameError:
                    continue

    def _place(self, path: FilePath) -> Path:
        return self._root / companion_of(path)
