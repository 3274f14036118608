"""Where the paths lie: what is missing on disk, and what would lie inside what."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.config.cache_keys import TIER_PATH
from app.config.checks import TIERS
from app.config.disk import Sight, absolute, file_complaint, folder_complaint, look, real
from app.config.found import Values
from app.config.kinds import Key
from app.config.mirror_keys import DATABASE_URL, REPO_PATH
from app.config.problems import Problems
from app.config.serving_keys import LOG_PATH, TLS_CERT, TLS_KEY
from app.config.values import REPO_MARK, InvalidValueError, parse_path
from app.database_url import POSTGRESQL

_MOST_TIERS = 16
# What larder itself keeps in `repo_path`; clients read all but the last.
_SERVED = ("simple", "json", "metadata")
_OWN_FOLDERS = (*_SERVED, "run", "sources")


def check_layout(values: Values, folder: Path, problems: Problems) -> None:
    """Note every path that is missing, of the wrong type, or in the way of another."""
    _Layout(values, folder, problems).check()


def database_file(values: Values, folder: Path) -> Path | None:
    """Return the database's file; None where it is on a server, or nothing says where."""
    text = values.get(DATABASE_URL)
    if text and text.startswith(POSTGRESQL):
        return None
    start: Path | None = folder
    if text and text.startswith(REPO_MARK):
        start = values.get(REPO_PATH)
    return absolute(start, Path(text.removeprefix(REPO_MARK))) if text and start else None


class _Layout:
    """The checks, which share what they look at."""

    def __init__(self, values: Values, folder: Path, problems: Problems) -> None:
        self._values = values
        self._problems = problems
        self._repo = values.get(REPO_PATH)
        self._database = database_file(values, folder)
        # Those that are tiers as far as one can tell, by the name of their entry.
        self._tiers: dict[str, Path] = {}

    def check(self) -> None:
        """Look at one thing after the other."""
        self._check_repo()
        self._check_tiers()
        for key in (TLS_CERT, TLS_KEY):
            path = self._values.get(key)
            self._add(key, file_complaint(path) if path else None)
        log = self._values.get(LOG_PATH)
        written: dict[Key[Any], Path | None] = {DATABASE_URL: self._database, LOG_PATH: log}
        for key, path in written.items():
            self._add(key, self._no_place(path) if path else None)
        for key, path in {**written, TLS_KEY: self._values.get(TLS_KEY)}.items():
            self._add(key, self._exposed(path) if path else None)

    def _check_repo(self) -> None:
        repo = self._repo
        if repo and not (look(repo) is Sight.MISSING and look(repo.parent) is Sight.FOLDER):
            self._add(REPO_PATH, folder_complaint(repo))

    def _check_tiers(self) -> None:
        for row in self._values.rows(TIERS):
            if len(self._tiers) == _MOST_TIERS:
                self._add(TIER_PATH, f"one too many; keep {_MOST_TIERS} tiers", row)
                return
            path = row.get(TIER_PATH)
            if path is None:
                continue
            complaint = self._collision(path) or self._overlap(path)
            if complaint is None:
                self._tiers[row.label] = path
            self._add(TIER_PATH, complaint or self._no_tier(path), row)

    def _no_tier(self, path: Path) -> str | None:
        # Within `repo_path` larder makes what is missing. Elsewhere the folder is where
        # a disk should be mounted, and making it would fill the system's disk instead.
        if self._repo in path.parents and look(path) is Sight.MISSING:
            return None
        return folder_complaint(path)

    def _collision(self, path: Path) -> str | None:
        if self._repo is None:
            return None
        here, repo = real(path), real(self._repo)
        if repo.is_relative_to(here):
            return (
                f"{path} holds repo_path itself; name a folder of its own, such as {repo}/packages"
            )
        own = next((name for name in _OWN_FOLDERS if here.is_relative_to(repo / name)), None)
        return own and f"{path} is in {repo / own}, which larder fills itself; name another folder"

    def _overlap(self, path: Path) -> str | None:
        here = real(path)
        for label, other in self._tiers.items():
            there = real(other)
            if here == there:
                return f"{path} is {label} already; name another folder"
            if here.is_relative_to(there) or there.is_relative_to(here):
                return f"{path} and {label} ({other}) lie one in the other; put them side by side"
        return None

    def _no_place(self, path: Path) -> str | None:
        """Return what is wrong with the place of a file that larder writes."""
        try:
            parse_path(str(path))
        except InvalidValueError as error:
            return str(error)
        if look(path) is Sight.FOLDER:
            return f"{path} is a folder; name a file in it"
        return None if path.parent == self._repo else folder_complaint(path.parent)

    def _exposed(self, path: Path) -> str | None:
        """Return what is wrong with a private file that clients could read."""
        for folder in self._served():
            if real(path).is_relative_to(real(folder)):
                return f"{path} is in {folder}, which clients read; move it out"
        return None

    def _served(self) -> Iterator[Path]:
        yield from self._tiers.values()
        if self._repo:
            names = _SERVED if self._tiers else (*_SERVED, "packages")
            yield from (self._repo / name for name in names)

    def _add(self, key: Key[Any], complaint: str | None, row: Values | None = None) -> None:
        values = row or self._values
        if complaint:
            self._problems.add(values.place_of(key), f"{values.label_of(key)}: {complaint}")
