"""What is left of a project's page once its files are judged."""

from collections.abc import Iterable
from dataclasses import replace

from packaging.version import InvalidVersion, Version

from app.filters import filenames
from app.filters.judge import Judge
from app.filters.verdicts import Judgement
from app.model import File, Project


def shown_of(project: Project, judgement: Judgement, judge: Judge, now: int) -> Project:
    """Return the project with the files and versions that are shown; itself, if all are.

    A version goes with the last of its files; one that never had any (PEP 700 lists it all
    the same) if the filters would not let it through.
    """
    files = tuple(one.file for one in judgement.files if one.verdict.shown)
    versions = project.versions
    if versions is not None:
        left = _versions(files)
        gone = _versions(one.file for one in judgement.files if not one.verdict.shown) - left
        versions = tuple(
            text
            for text, version in zip(versions, map(parsed, versions), strict=True)
            if version in left
            or (version not in gone and judge.release(project.name, version, now).shown)
        )
    if len(files) == len(project.files) and versions == project.versions:
        return project
    return replace(project, files=files, versions=versions)


def parsed(text: str) -> Version | None:
    """Return a version by PEP 440, or None where it is none."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _versions(files: Iterable[File]) -> set[Version | None]:
    return {filenames.read(file.filename).version for file in files}
