"""What somebody asks `fetch` for: the ways to write it, each parsed to one form."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from app.filters import filenames
from app.names import Filename, InvalidNameError, ProjectName, parse_filename, parse_project

# `name=1.10.0`, as conda and some older downloaders have it; PEP 508 has two signs.
_ONE_SIGN: Final = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+(?:\[[^\]]*\])?)\s*=\s*(?P<version>[^=\s]+)"
)


class RequestError(ValueError):
    """The text asks for nothing that an index has; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Requested:
    """Releases of a project by a requirement, or one file by its name."""

    project: ProjectName
    # As a resolver takes it; of a file, exactly its release.
    requirement: str
    filename: Filename | None = None

    def admits(self, versions: Iterable[Version], *, prereleases: bool) -> Iterator[Version]:
        """Yield the versions that are meant; without `prereleases` as PEP 440 has it."""
        specifiers = Requirement(self.requirement).specifier
        return specifiers.filter(versions, prereleases=True if prereleases else None)


def parse_requested(text: str) -> Requested:
    """Return what is asked for.

    >>> parse_requested("Flask=3.0").requirement
    'Flask==3.0'
    >>> parse_requested("six-1.17.0-py2.py3-none-any.whl").project
    'six'

    Raises:
        RequestError: It is neither a requirement of a project nor the name of a file.

    """
    named = filenames.read(text)
    if named.kind != filenames.OTHER and named.project and named.version is not None:
        try:
            project, filename = parse_project(named.project), parse_filename(text)
        except InvalidNameError as error:
            raise RequestError(str(error)) from error
        return Requested(project, f"{project}=={named.version}", filename)
    match = _ONE_SIGN.fullmatch(text.strip())
    return _requirement(f"{match['name']}=={match['version']}" if match else text.strip())


def _requirement(text: str) -> Requested:
    try:
        requirement = Requirement(text)
        project = parse_project(requirement.name)
    except (InvalidRequirement, InvalidNameError) as error:
        raise RequestError(
            f"{text[:80]!r} is no requirement of a project; write such as 'numpy>=1.24',"
            " numpy==2.1.0 or a file's name"
        ) from error
    if requirement.url:
        raise RequestError(f"{text[:80]!r} is a URL, and no index has it")
    return Requested(project, text)


def rounds(asked: Iterable[Requested]) -> list[list[Requested]]:
    """Return what is resolved together: a project that is named twice has two rounds.

    So `numpy==1.26.4 numpy==2.1.0` asks for both, and contradicts nothing.
    """
    found: list[list[Requested]] = []
    for one in dict.fromkeys(asked):
        for together in found:
            if one.project not in {other.project for other in together}:
                together.append(one)
                break
        else:
            found.append([one])
    return found
