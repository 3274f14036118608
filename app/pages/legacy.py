"""What PyPI's legacy JSON knows and an HTML page cannot say."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.model import File, Project
from app.pages import values
from app.pages.errors import PageError


def merge_legacy(project: Project, legacy: Mapping[str, Any]) -> Project:
    """Return the project with what the legacy JSON of the same upstream adds.

    The page decides what there is: no file is added, and what it says stays. Only the
    yank is taken from either, since a mirror must not offer a yanked file unmarked.

    Raises:
        PageError: The JSON is of another project.

    """
    info = legacy.get("info")
    if isinstance(info, dict) and isinstance(info.get("name"), str):
        values.check_name(info["name"], project.name)
    releases = legacy.get("releases")
    known = {raw["filename"]: raw for raw in _files(releases, legacy.get("urls"))}
    serial = values.number(legacy.get("last_serial"))
    return replace(
        project,
        files=tuple(_merged(file, known.get(file.filename)) for file in project.files),
        versions=_versions(releases) if project.versions is None else project.versions,
        serial=serial if project.serial is None else project.serial,
    )


def _versions(releases: object) -> tuple[str, ...] | None:
    if not isinstance(releases, dict):
        return None
    return tuple(sorted(version for key in releases if (version := values.text(key))))


def _files(releases: object, urls: object) -> Iterator[dict[str, Any]]:
    """Yield the descriptions of files; `urls` are those of the latest release."""
    for listed in (urls, *(releases.values() if isinstance(releases, dict) else ())):
        for raw in listed if isinstance(listed, list) else ():
            if isinstance(raw, dict) and isinstance(raw.get("filename"), str):
                yield raw


def _merged(file: File, raw: Mapping[str, Any] | None) -> File:
    hashes = _hashes(file, raw) if raw else None
    if raw is None or hashes is None:
        return file
    return replace(
        file,
        hashes=hashes,
        size=values.number(raw.get("size")) if file.size is None else file.size,
        upload_time=file.upload_time or values.upload_time(raw.get("upload_time_iso_8601")),
        requires_python=file.requires_python or values.text(raw.get("requires_python")),
        yanked=_yanked(file.yanked, raw),
        core_metadata=_companion(file, raw),
    )


def _hashes(file: File, raw: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return the file's digests, SHA-256 among them if known; None: another file."""
    try:
        others = values.digests(raw.get("digests"))
    except PageError:
        return None
    if any(file.hashes[name] != others[name] for name in file.hashes.keys() & others.keys()):
        return None
    if file.sha256 or "sha256" not in others:
        return file.hashes
    return {**file.hashes, "sha256": others["sha256"]}


def _yanked(mark: values.Mark, raw: Mapping[str, Any]) -> values.Mark:
    if isinstance(mark, str) or not raw.get("yanked"):
        return mark
    return values.text(raw.get("yanked_reason")) or values.yanked(raw["yanked"])


def _companion(file: File, raw: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return PEP 714's announcement, the page's own before the legacy JSON's.

    The latter is often a copy of PyPI's. Only PyPI's file host, or the one that the
    operator named, is known to answer it; the upstream's own may not.
    """
    if file.core_metadata is not None or file.origin is not None:
        return file.core_metadata
    return values.companion(raw.get("core-metadata"))
