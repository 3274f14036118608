"""The pages' texts: the simple index in both forms, legacy JSON, the serials.

Written after what PyPI answers (2026), keys with null included, and with none of the
code under test.
"""

import hashlib
import json
import re
import xmlrpc.client
from collections.abc import Iterable
from html import escape
from typing import Any

from packaging.utils import canonicalize_name

from tests.fake_pypi.catalogue import FakeFile, FakeProject
from tests.fake_pypi.options import Options


class Pages:
    """Renders what the options ask for."""

    def __init__(self, options: Options, url: str) -> None:
        """Render for a server at a URL."""
        self._options = options
        self._url = url

    def json_page(self, project: FakeProject) -> bytes:
        """Return a project's page by PEP 691."""
        page = {
            "alternate-locations": [],
            "files": [self._entry(project, file) for file in _visible(project)],
            "meta": self._meta(project.serial),
            "name": canonicalize_name(project.name),
            "project-status": _status(project),
            "versions": list(project.versions),
        }
        return _dump(page)

    def html_page(self, project: FakeProject) -> bytes:
        """Return a project's page by PEP 503."""
        name = escape(canonicalize_name(project.name))
        links = [self._anchor(project, file) for file in _visible(project)]
        return "\n".join(
            [
                "<!DOCTYPE html>",
                "<html>",
                "  <head>",
                '    <meta name="pypi:repository-version" content="1.4">',
                f'    <meta name="pypi:project-status" content="{project.status or "active"}">',
                f"    <title>Links for {name}</title>",
                "  </head>",
                "  <body>",
                f"    <h1>Links for {name}</h1>",
                *links,
                "  </body>",
                "</html>",
                f"<!--SERIAL {project.serial}-->",
            ]
        ).encode()

    def legacy(self, project: FakeProject, version: str | None = None) -> bytes:
        """Return a project's, or a release's, legacy JSON."""
        shown = version or (project.versions or ("0",))[-1]
        releases = {
            one: [self._legacy_entry(file) for file in project.files if file.version == one]
            for one in project.versions
        }
        page: dict[str, Any] = {
            "info": {"name": project.name, "version": shown, "summary": None, "yanked": False}
            | dict(project.info),
            "last_serial": project.serial,
            "urls": releases.get(shown, []),
            "vulnerabilities": [],
        }
        return _dump(page if version else {**page, "releases": releases})

    def json_root(self, listed: Iterable[tuple[str, int]], serial: int) -> bytes:
        """Return the list of projects by PEP 691, with serials where they are JSON's."""
        if self._options.serials == "json":
            projects = [{"_last-serial": last, "name": name} for name, last in listed]
        else:
            projects = [{"name": name} for name, _ in listed]
        return _dump({"meta": self._meta(serial), "projects": projects})

    def html_root(self, listed: Iterable[tuple[str, int]]) -> bytes:
        """Return the list of projects by PEP 503."""
        links = [
            f'    <a href="{self._options.simple_path}{escape(canonicalize_name(name))}/">'
            f"{escape(name)}</a>"
            for name, _ in listed
        ]
        head = "<!DOCTYPE html>\n<html>\n  <head><title>Simple index</title></head>\n  <body>\n"
        return "\n".join([head, *links, "  </body>\n</html>"]).encode()

    def _meta(self, serial: int) -> dict[str, Any]:
        """Return a page's `meta`."""
        version = {"api-version": "1.4"}
        return {"_last-serial": serial, **version} if self._options.serials else version

    def _entry(self, project: FakeProject, file: FakeFile) -> dict[str, Any]:
        """Return a file's entry of the JSON page."""
        core = self._core_metadata(file)
        entry = {
            "core-metadata": {"sha256": core} if core else False,
            "data-dist-info-metadata": {"sha256": core} if core else False,
            "filename": file.filename,
            "hashes": dict(file.hashes),
            "provenance": None,
            "requires-python": file.requires_python,
            "size": file.size,
            "upload-time": file.upload_time,
            "url": self.link(project, file),
            "yanked": file.yanked,
            **file.extra,
        }
        return {key: value for key, value in entry.items() if value is not ...}

    def _anchor(self, project: FakeProject, file: FakeFile) -> str:
        """Return a file's anchor of the HTML page."""
        fragment = next((f"#{name}={digest}" for name, digest in file.hashes.items()), "")
        attributes = {"href": self.link(project, file) + fragment}
        if file.requires_python is not None:
            attributes["data-requires-python"] = file.requires_python
        if file.yanked is not False:
            attributes["data-yanked"] = "" if file.yanked is True else file.yanked
        if core := self._core_metadata(file):
            attributes["data-dist-info-metadata"] = f"sha256={core}"
            attributes["data-core-metadata"] = f"sha256={core}"
        written = " ".join(f'{key}="{escape(value)}"' for key, value in attributes.items())
        return f"    <a {written}>{escape(file.filename)}</a><br />"

    def _legacy_entry(self, file: FakeFile) -> dict[str, Any]:
        """Return a file's entry of the legacy JSON."""
        core = self._core_metadata(file)
        return {
            "core-metadata": {"sha256": core} if core else False,
            "digests": {**file.hashes, "blake2b_256": "".join(file.path.split("/")[:3])},
            "filename": file.filename,
            "has_sig": False,
            "packagetype": "bdist_wheel" if file.filename.endswith(".whl") else "sdist",
            "requires_python": file.requires_python,
            "size": file.size,
            "upload_time": (file.upload_time or "").partition(".")[0],
            "upload_time_iso_8601": file.upload_time,
            "url": f"{self._options.files_url or self._url + '/packages/'}{file.path}",
            "yanked": file.yanked is not False,
            "yanked_reason": file.yanked if isinstance(file.yanked, str) else None,
        }

    def link(self, project: FakeProject, file: FakeFile) -> str:
        """Return where a page says that a file is."""
        if file.url is not None and not file.url.startswith("/"):
            return file.url
        if self._options.files_url is not None:
            return self._options.files_url + file.path
        path = file.url or f"/packages/{file.path}"
        if self._options.links == "absolute":
            return self._url + path
        here = f"{self._options.simple_path}{canonicalize_name(project.name)}/"
        return "../" * (here.count("/") - 1) + path.removeprefix("/")

    def _core_metadata(self, file: FakeFile) -> str | None:
        """Return the digest of the `.metadata` companion, where it is announced."""
        if file.metadata is None or not self._options.core_metadata:
            return None
        return hashlib.sha256(file.metadata).hexdigest()


def xmlrpc_list(listed: Iterable[tuple[str, int]]) -> bytes:
    """Return the answer to `list_packages_with_serial`."""
    members = "".join(
        f"<member><name>{escape(name)}</name><value><int>{serial}</int></value></member>"
        for name, serial in listed
    )
    return _xmlrpc(f"<params><param><value><struct>{members}</struct></value></param></params>")


def xmlrpc_changelog(call: bytes, changes: Iterable[tuple[str, str, int]]) -> bytes:
    """Return the answer to `changelog_since_serial`: the last change of each project."""
    found = re.search(rb"<int>([0-9]+)</int>", call)
    since = int(found[1]) if found else 0
    rows = [(name, None, 0, action, serial) for name, action, serial in changes if serial > since]
    return xmlrpc.client.dumps((rows,), methodresponse=True, allow_none=True).encode()


def xmlrpc_fault(code: int, message: str) -> bytes:
    """Return an XML-RPC fault, which goes out as HTTP 200."""
    return _xmlrpc(
        "<fault><value><struct>"
        f"<member><name>faultCode</name><value><int>{code}</int></value></member>"
        f"<member><name>faultString</name><value><string>{escape(message)}</string></value>"
        "</member></struct></value></fault>"
    )


def _xmlrpc(inner: str) -> bytes:
    """Return a method response."""
    return f"<?xml version='1.0'?>\n<methodResponse>{inner}</methodResponse>\n".encode()


def _visible(project: FakeProject) -> tuple[FakeFile, ...]:
    """Return the files that a page lists: none of a quarantined project (PEP 792)."""
    return () if project.status == "quarantined" else project.files


def _status(project: FakeProject) -> dict[str, str]:
    """Return the `project-status` of a page (PEP 792)."""
    status = {"status": project.status or "active"}
    return {**status, "reason": project.reason} if project.reason else status


def _dump(page: object) -> bytes:
    """Return JSON as PyPI writes it."""
    return json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode()
