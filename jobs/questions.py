"""The questions that `larder score` answers without a run."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from app.config.values import parse_size, parse_whole
from app.foresight import UnknownFileError
from app.names import FilePath, InvalidNameError, ProjectName, parse_file_path
from jobs.exit_codes import UsageError
from jobs.parts import Parts

_KEYS = {
    "size_limit": parse_size,
    "filesize_limit": parse_size,
    "min_vote_count": parse_whole,
}


class Questions:
    """Answers from the votes and the disks as they are."""

    def __init__(self, parts: Parts, now: int) -> None:
        """Look at the disks once."""
        self._parts, self._now = parts, now
        self._survey = parts.holdings.survey()

    def answer(self, options: argparse.Namespace) -> Sequence[Mapping[str, Any]]:
        """Return the answers: about a file, about the cache as it is, and as it might be.

        Raises:
            UsageError: There is no such file, or no such key.

        """
        answers = []
        if options.explain:
            answers.append(self._explain(options.explain))
        if options.what_if:
            answers += [
                {"with": what, **self._forecast(_changes(texts))}
                for what, texts in (
                    ("the configuration as it is", []),
                    (", ".join(options.what_if), options.what_if),
                )
            ]
        return answers

    def _explain(self, name: str) -> Mapping[str, Any]:
        try:
            standing = self._parts.foresight.explain(self._path(name), self._survey, self._now)
        except UnknownFileError as error:
            raise UsageError(str(error)) from error
        return asdict(standing)

    def _path(self, name: str) -> FilePath:
        try:
            return parse_file_path(name)
        except InvalidNameError:
            project = _project_of(name)
        path = project and self._parts.store.path_of(project, name)
        if not path:
            raise UsageError(f"no page lists a file {name}")
        return path

    def _forecast(self, changes: Mapping[str, int]) -> Mapping[str, Any]:
        wishing = self._parts.wishing
        now = sum(tier.size_limit for tier in wishing.tiers)
        others = {key: value for key, value in changes.items() if key != "size_limit"}
        policy = replace(wishing.policy, **others)  # type: ignore[type-var]
        size_limit = changes.get("size_limit", now)
        return asdict(self._parts.foresight.forecast(size_limit, policy, self._survey, self._now))


def _project_of(filename: str) -> ProjectName | None:
    try:
        if filename.endswith(".whl"):
            return ProjectName(parse_wheel_filename(filename)[0])
        return ProjectName(parse_sdist_filename(filename)[0])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _changes(texts: Sequence[str]) -> Mapping[str, int]:
    changes: dict[str, int] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        key = key.removeprefix("cache.")
        if not sign or key not in _KEYS:
            raise UsageError(f"--what-if {text}: give one of {', '.join(_KEYS)}, as KEY=VALUE")
        try:
            changes[key] = _KEYS[key](value)
        except ValueError as error:
            raise UsageError(f"--what-if {text}: {error}") from error
    return changes
