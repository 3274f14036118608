"""What lies beside a project's pages, in their folder, and so goes with them.

    simple/{project}/serial-{n}/project.json           legacy JSON
    simple/{project}/serial-{n}/releases/{version}.json  that of one release
    simple/{project}/legacy -> serial-{n}              how nginx finds the serial
    simple/{project}/provenance/{version}/{filename}.json
    json/{project} -> ../simple/{project}/legacy/project.json

Each file has its `.gz` beside it. The folder's exchange by `app.tree` ends them all.
"""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from app.atomic import replacing
from app.names import Filename, ProjectName, Version
from app.packing import pack

_PROVENANCE = "provenance"

LEGACY = "legacy"
"""The link to the folder that has the serial in its name."""

PROJECT = "project.json"
"""The legacy JSON of the whole project."""

SLOTS = 4
"""How many seconds of modification times one generation of a project has (`app.tree`)."""


class Shelf:
    """Keeps documents with a project's pages; whoever writes holds the project's lock."""

    def __init__(self, repo_path: Path) -> None:
        """Make the folders if they are missing."""
        self._simple = repo_path / "simple"
        self._json = repo_path / "json"
        self._links = os.fspath(self._json)
        self._staging = repo_path / "run" / "staging"
        self._root = repo_path / "run" / "root"
        for folder in (self._simple, self._json, self._staging, self._root):
            folder.mkdir(parents=True, exist_ok=True)

    def find(self, name: ProjectName, place: str) -> Path | None:
        """Return a project's document by its place, or None."""
        path = self._simple / name / place
        return path if path.is_file() else None

    def legacy(self, name: ProjectName, document: str) -> str | None:
        """Return the name of the folder that has this legacy JSON, or None."""
        try:
            folder = (self._simple / name / LEGACY).readlink().name
        except OSError:
            return None
        return folder if self.find(name, f"{folder}/{document}") else None

    def releases(self, name: ProjectName) -> int:
        """Return how many releases' legacy JSON is kept."""
        return sum(1 for _ in (self._simple / name / LEGACY / "releases").glob("*.json"))

    def put_legacy(self, name: ProjectName, serial: int | None, document: str, body: bytes) -> str:
        """Keep legacy JSON of the serial that the pages have; return its folder's name."""
        folder = serial_folder(serial)
        self.put(name, f"{folder}/{document}", body)
        link = self._simple / name / LEGACY
        if not link.is_symlink():
            link.symlink_to(folder)
        if document == PROJECT:
            self.link(name)
        return folder

    def put(self, name: ProjectName, place: str, body: bytes) -> None:
        """Keep a document with the pages that are here.

        Raises:
            FileNotFoundError: There are no pages.

        """
        pages = self._simple / name
        stamp = int((pages / "index.html").stat().st_mtime) // SLOTS * SLOTS
        target = pages / place
        target.parent.mkdir(parents=True, exist_ok=True)
        # The compressed one first: nginx looks for it only where there is the other.
        packed = target.with_name(target.name + ".gz")
        with replacing(packed, self._staging, stamp + 1) as stream:
            stream.write(pack(body))
        with replacing(target, self._staging, stamp) as stream:
            stream.write(body)

    def carry(self, name: ProjectName, folder: Path) -> bool:
        """Let the documents of the pages that are here lie beside those that follow them.

        For pages of the same serial alone. Return whether there is legacy JSON.
        """
        pages = self._simple / name
        for path in pages.iterdir() if pages.is_dir() else ():
            if path.is_symlink():
                (folder / path.name).symlink_to(path.readlink())
            elif path.is_dir():
                # Documents are replaced and never written into: a second name will do.
                shutil.copytree(path, folder / path.name, copy_function=_link)
        return (folder / LEGACY / PROJECT).is_file()

    def has_provenance(self, name: ProjectName) -> bool:
        """Whether provenance of a project's files is kept."""
        return (self._simple / name / _PROVENANCE).is_dir()

    def carry_some(self, name: ProjectName, folder: Path, places: Iterable[str]) -> None:
        """Let some of the documents lie beside the pages that follow, of whatever serial."""
        for place in places:
            # The compressed one first, as `put` has it.
            for one in (f"{place}.gz", place):
                source = self._simple / name / one
                if source.is_file():
                    (folder / one).parent.mkdir(parents=True, exist_ok=True)
                    _link(os.fspath(source), os.fspath(folder / one))

    def link(self, name: ProjectName) -> None:
        """Let `json/{project}` lead to the legacy JSON, where it does not yet."""
        with suppress(FileExistsError):
            os.symlink(f"../simple/{name}/{LEGACY}/{PROJECT}", f"{self._links}/{name}")  # noqa: PTH211  a million of them

    def unlink(self, name: ProjectName) -> None:
        """Take `json/{project}` away."""
        (self._json / name).unlink(missing_ok=True)

    def note_root(self, serial: int | None) -> None:
        """Let nginx find the serial of the root pages, after they are written."""
        folder = serial_folder(serial)
        (self._root / folder).mkdir(exist_ok=True)
        # One job at a time writes the root; what a killed one left is in the way.
        link = self._root / "next"
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
        link.replace(self._root / "last")
        for old in self._root.glob("serial-*"):
            if old.name != folder:
                shutil.rmtree(old, ignore_errors=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Some filesystems have no second names.
        shutil.copy2(source, target)


def serial_folder(serial: int | None) -> str:
    """Return the name of the folder for legacy JSON of a serial; nginx reads it."""
    return "serial-unknown" if serial is None else f"serial-{serial}"


def release(version: Version) -> str:
    """Return the place of a release's legacy JSON in the folder of its serial."""
    return f"releases/{version}.json"


def provenance(version: Version, filename: Filename) -> str:
    """Return the place of a file's provenance."""
    return f"{_PROVENANCE}/{version}/{filename}.json"
