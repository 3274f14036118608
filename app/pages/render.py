"""The model to the pages that larder serves (PEP 503, PEP 691 and what followed)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

import orjson

from app.model import File, Project
from app.names import ProjectName

API_VERSION: Final = "1.4"
"""The newest version whose endpoints larder has (PEP 792); never upstream's."""

FORMAT: Final = 1
"""Raise it with whatever changes a byte of a page, a project's or the root's: a key, an
attribute, their order, a link, `API_VERSION`. The next run of `sync-index` then renders
every page anew from what is here, and writes those that differ. A change of the parsers
alone, which a fetch must come before, is none. `tests/test_pages_render.py` watches."""

# PEP 700 makes "versions" and "size" obligatory from 1.1 on.
_WITHOUT_SIZES: Final = "1.0"

# An error in uv: sha1, sha224. Unknown to pip: blake2b. Best first.
_FRAGMENT_HASHES: Final = ("sha256", "sha512", "sha384", "md5")

# In an attribute HTML has no NUL, a parser may turn a carriage return into a line
# feed, and tools that read line by line shall see one link in one line.
_CONTROLS: Final = (("\0", "\ufffd"), ("\r", "&#13;"), ("\n", "&#10;"))

# What `quote` leaves as it is, and what `_escaped` does not.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~/-]*")
_MARKUP: Final = re.compile("[&<>\"'\0\r\n]")

# RFC 3986: reserved characters, and what is encoded already.
_IN_A_URL: Final = "!#$%&'()*+,/:;=?@[]~"

# Entries of a root page in one chunk: some 50 kB.
_CHUNK: Final = 1000


def render_json(project: Project, files_url: str, *, origins: bool = False) -> bytes:
    """Return the project's page as JSON; a file's URL is `files_url` and its path.

    With `origins` it is where upstream has the file, where that is somewhere else.
    """
    meta = {**project.extra_meta, "api-version": _api_version(project)}
    if project.serial is not None:
        meta["_last-serial"] = project.serial
    page = {**project.extra, "meta": meta, "name": project.name}
    if project.versions is not None:
        page["versions"] = project.versions
    if project.status is not None:
        page["project-status"] = _status(project)
    page["files"] = [_json_file(file, _url(file, files_url, origins)) for file in project.files]
    return orjson.dumps(page)


def render_html(project: Project, files_url: str, *, origins: bool = False) -> bytes:
    """Return the project's page as HTML, with the same links as `render_json`."""
    lines = [
        "<!DOCTYPE html>",
        "<html>",
        "<head>",
        '<meta charset="utf-8">',
        _meta("repository-version", API_VERSION),
    ]
    if project.status is not None:
        lines.append(_meta("project-status", project.status))
        if project.status_reason is not None:
            lines.append(_meta("project-status-reason", project.status_reason))
    lines += [
        f"<title>Links for {project.name}</title>",
        "</head>",
        "<body>",
        f"<h1>Links for {project.name}</h1>",
    ]
    lines += [_anchor(file, _url(file, files_url, origins)) for file in project.files]
    lines += ["</body>", "</html>"]
    if project.serial is not None:
        lines.append(f"<!--SERIAL {project.serial}-->")
    lines.append("")
    return "\n".join(lines).encode("utf-8", "replace")


def render_root_json(
    projects: Iterable[tuple[ProjectName, int | None]], last_serial: int | None
) -> Iterator[bytes]:
    """Yield the list of projects, each with its serial, as JSON in chunks."""
    serial = "" if last_serial is None else f',"_last-serial":{last_serial}'
    yield f'{{"meta":{{"api-version":"{API_VERSION}"{serial}}},"projects":['.encode()
    comma = ""
    for chunk in _chunks(projects):
        # A normalised name has no character that JSON or HTML would need escaped.
        yield (comma + ",".join(_json_entry(*entry) for entry in chunk)).encode()
        comma = ","
    yield b"]}"


def render_root_html(
    projects: Iterable[tuple[ProjectName, int | None]], last_serial: int | None
) -> Iterator[bytes]:
    """Yield the list of projects as HTML in chunks."""
    yield (
        "<!DOCTYPE html>\n<html>\n<head>\n"
        '<meta charset="utf-8">\n'
        f"{_meta('repository-version', API_VERSION)}\n"
        "<title>Simple index</title>\n</head>\n<body>\n"
    ).encode()
    for chunk in _chunks(projects):
        yield "".join(f'<a href="{name}/">{name}</a><br>\n' for name, _ in chunk).encode()
    yield b"</body>\n</html>\n"
    if last_serial is not None:
        yield f"<!--SERIAL {last_serial}-->\n".encode()


def _api_version(project: Project) -> str:
    """Return the version whose obligatory keys are all there."""
    complete = project.versions is not None and all(file.size is not None for file in project.files)
    return API_VERSION if complete else _WITHOUT_SIZES


def _status(project: Project) -> dict[str, str | None]:
    if project.status_reason is None:
        return {"status": project.status}
    return {"status": project.status, "reason": project.status_reason}


def _url(file: File, files_url: str, origins: bool) -> str:  # noqa: FBT001  within the module
    if origins and file.origin is not None:
        # As upstream's page has it, but in characters that may stand in a URL.
        return quote(file.origin, safe=_IN_A_URL)
    return files_url + _quoted(file.path)


def _json_file(file: File, url: str) -> dict[str, Any]:
    """Return PEP 691's description of a file; what is unknown is left out, not null."""
    page: dict[str, Any] = {
        **file.extra,
        "filename": file.filename,
        "url": url,
        # uv refuses a file without this key.
        "hashes": dict(file.hashes),
        "yanked": file.yanked,
    }
    if file.requires_python is not None:
        page["requires-python"] = file.requires_python
    if file.size is not None:
        page["size"] = file.size
    if file.upload_time is not None:
        page["upload-time"] = file.upload_time
    if file.core_metadata is not None:
        page["core-metadata"] = dict(file.core_metadata) or True
    if file.gpg_sig is not None:
        page["gpg-sig"] = file.gpg_sig
    if file.provenance is not None:
        page["provenance"] = file.provenance
    return page


def _anchor(file: File, url: str) -> str:
    """Return a file's line.

    Bazel's rules_python splits it by hand at `<a href="`, `#sha256=` and `">`, so
    `href` comes first and no attribute holds a quote or an angle bracket.
    """
    parts = [f'<a href="{_escaped(url)}']
    if digest := _best(file.hashes):
        parts.append(f"#{digest}")
    parts.append('"')
    if file.requires_python is not None:
        parts.append(f' data-requires-python="{_escaped(file.requires_python)}"')
    if file.yanked is not False:
        reason = file.yanked if isinstance(file.yanked, str) else ""
        parts.append(f' data-yanked="{_escaped(reason)}"')
    if file.core_metadata is not None:
        # PEP 714: both names, for clients that know only the old one.
        digest = _best(file.core_metadata) or "true"
        parts.append(f' data-dist-info-metadata="{digest}" data-core-metadata="{digest}"')
    if file.gpg_sig is not None:
        parts.append(f' data-gpg-sig="{"true" if file.gpg_sig else "false"}"')
    if file.provenance is not None:
        parts.append(f' data-provenance="{_escaped(file.provenance)}"')
    parts.append(f">{file.filename}</a><br>")
    return "".join(parts)


def _best(hashes: Mapping[str, str]) -> str | None:
    for name in _FRAGMENT_HASHES:
        if name in hashes:
            return f"{name}={hashes[name]}"
    return None


def _meta(name: str, content: str) -> str:
    return f'<meta name="pypi:{name}" content="{_escaped(content)}">'


def _quoted(path: str) -> str:
    # Most paths have nothing to quote, and there are fourteen million of them.
    return path if _PLAIN.fullmatch(path) else quote(path)


def _escaped(text: str) -> str:
    if not _MARKUP.search(text):
        return text
    text = escape(text)
    for control, written in _CONTROLS:
        text = text.replace(control, written)
    return text


def _json_entry(name: ProjectName, serial: int | None) -> str:
    known = "" if serial is None else f'"_last-serial":{serial},'
    return f'{{{known}"name":"{name}"}}'


def _chunks(
    projects: Iterable[tuple[ProjectName, int | None]],
) -> Iterator[list[tuple[ProjectName, int | None]]]:
    entries = iter(projects)
    while chunk := list(islice(entries, _CHUNK)):
        yield chunk
