"""A project's page as JSON (PEP 691) to the model."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from app.model import File, Project
from app.names import ProjectName
from app.pages import values
from app.pages.errors import PageError, shown
from app.pages.listing import admit
from app.pages.places import PackagePlaces, absolute_url
from app.pages.provenance import upstream_link

_BOM: Final = b"\xef\xbb\xbf"

# The keys that have a field of their own; any other one is passed on.
_PAGE_KEYS: Final = frozenset({"meta", "name", "versions", "files", "project-status"})
_META_KEYS: Final = frozenset({"api-version", "_last-serial"})
# PEP 714 renamed the key, and PyPI wrote it wrongly for a while; both old names are
# still sent. They are not passed on: pip 22.3 to 23.1 fails on the first.
_METADATA_KEYS: Final = ("core-metadata", "dist-info-metadata", "data-dist-info-metadata")
_FILE_KEYS: Final = frozenset(
    {
        "filename",
        "url",
        "hashes",
        "size",
        "upload-time",
        "requires-python",
        "yanked",
        "gpg-sig",
        "provenance",
        *_METADATA_KEYS,
    }
)


def parse_json(body: bytes, name: ProjectName, url: str, places: PackagePlaces) -> Project:
    """Return the project on the page that was fetched from `url`.

    Raises:
        PageError: It is not JSON, of another project, or of another major version.

    """
    page = _load(body)
    meta = _mapping(page.get("meta"))
    values.check_version(meta.get("api-version"))
    if (found := page.get("name")) is not None:
        values.check_name(found if isinstance(found, str) else shown(found), name)
    entries = page.get("files")
    if not isinstance(entries, list):
        raise PageError("the page has no list of files")
    files, refused = admit(entries, lambda entry: _file(entry, url, places), _title)
    status = _mapping(page.get("project-status"))
    state = values.text(status.get("status"))
    return Project(
        name=name,
        files=files,
        versions=_versions(page.get("versions")),
        serial=values.number(meta.get("_last-serial")),
        status=state,
        status_reason=values.text(status.get("reason")) if state else None,
        extra=values.data(page, _PAGE_KEYS),
        extra_meta=values.data(meta, _META_KEYS),
        refused=refused,
    )


def _load(body: bytes) -> dict[str, Any]:
    try:
        # RFC 8259, section 8.1: a byte order mark may be ignored.
        page = orjson.loads(body.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        raise PageError(f"the page is not JSON: {error}") from error
    if not isinstance(page, dict):
        raise PageError(f"the page is {shown(page)}, not a JSON object")
    return page


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _versions(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(version for version in value if isinstance(version, str) and version)


def _title(entry: object) -> object:
    return entry.get("filename", entry) if isinstance(entry, dict) else entry


def _file(raw: object, page_url: str, places: PackagePlaces) -> File:
    if not isinstance(raw, dict):
        raise PageError("it is not a JSON object")
    link = raw.get("url")
    if not isinstance(link, str):
        raise PageError("it has no URL")
    filename = values.file_name(raw.get("filename"))
    hashes = values.digests(raw.get("hashes"))
    path, origin = places.locate(absolute_url(link, page_url), filename, hashes)
    signed = raw.get("gpg-sig")
    return File(
        filename=filename,
        path=path,
        hashes=hashes,
        origin=origin,
        size=values.number(raw.get("size")),
        upload_time=values.upload_time(raw.get("upload-time")),
        requires_python=values.text(raw.get("requires-python")),
        yanked=values.yanked(raw.get("yanked")),
        core_metadata=values.companion(_metadata(raw)),
        gpg_sig=signed if isinstance(signed, bool) else None,
        provenance=upstream_link(raw.get("provenance"), page_url),
        extra=values.data(raw, _FILE_KEYS),
    )


def _metadata(raw: Mapping[str, Any]) -> object:
    """Return the value of the newest key that is there (PEP 714)."""
    for key in _METADATA_KEYS:
        if (value := raw.get(key)) is not None:
            return value
    return None
