"""An upstream's pages as files: made up, but of PyPI's shapes.

What was counted on PyPI: half of the projects have six files or fewer, the mean is
eighteen, and some have thousands. Four of five have one wheel and one sdist a release;
the others have a wheel for each platform.
"""

import gzip
import json
import random
import xmlrpc.client
from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

_MEDIAN_FILES = 6
_MEAN_FILES = 18
_MOST_FILES = 8000
_NATIVE_SHARE = 0.2
_PLATFORMS = tuple(
    f"cp3{minor}-cp3{minor}-{platform}"
    for minor in (10, 11, 12, 13)
    for platform in (
        "macosx_11_0_arm64",
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "musllinux_1_2_aarch64",
        "win_amd64",
    )
)
_FILES = "https://files.pythonhosted.org/packages/"
_WORDS = ("data", "http", "async", "tool", "py", "core", "client", "plugin", "ml", "web", "kit")


@dataclass(frozen=True, slots=True)
class Written:
    """What a corpus holds."""

    projects: int
    files: int
    # Of all pages and legacy JSON, unpacked.
    bytes: int


def write_corpus(folder: Path, projects: int) -> Written:
    """Write pages, legacy JSON, the list of projects, and nginx's map of serials."""
    files = size = 0
    serials = {}
    for number in range(projects):
        name, serial = name_of(number), 1_000_000 + number
        listed = list(_files(name, number))
        files += len(listed)
        serials[name] = serial
        size += write_project(folder, name, serial, listed)
    write_list(folder, serials)
    _write_headers(folder, serials)
    return Written(projects, files, size)


def name_of(number: int) -> str:
    """Return a project's name; no two are alike."""
    chance = random.Random(number)
    return f"{chance.choice(_WORDS)}-{chance.choice(_WORDS)}-{number}"


def write_project(folder: Path, name: str, serial: int, files: list[dict[str, Any]]) -> int:
    """Write a project's page and its legacy JSON, of one serial; return their length."""
    legacy = write_packed(folder / "json" / f"{name}.json", _legacy(name, serial, files))
    return write_page(folder, name, serial, files) + legacy


def write_page(folder: Path, name: str, serial: int, files: list[dict[str, Any]]) -> int:
    """Write a project's page, as PEP 691 has it; return its length."""
    versions = list(dict.fromkeys(file["version"] for file in files))
    page = {
        "alternate-locations": [],
        "files": [_listed(file) for file in files],
        "meta": {"_last-serial": serial, "api-version": "1.4"},
        "name": name,
        "project-status": {"status": "active"},
        "versions": versions,
    }
    return write_packed(folder / "simple" / name / "index.json", page)


def write_list(folder: Path, serials: dict[str, int]) -> None:
    """Write the list of projects, as PEP 691 has it."""
    page = {
        "meta": {"_last-serial": max(serials.values()), "api-version": "1.4"},
        "projects": [{"_last-serial": serial, "name": name} for name, serial in serials.items()],
    }
    write_packed(folder / "root.json", page)


def write_changelog(folder: Path, name: str, serial: int) -> None:
    """Write what `changelog_since_serial` answers where one project has changed."""
    row = [name, "1.0", 0, "new release", serial]
    body = xmlrpc.client.dumps(([row],), methodresponse=True)
    (folder / "changelog.xml").write_text(body)


def _write_headers(folder: Path, serials: dict[str, int]) -> None:
    """Write nginx's map from projects to X-PyPI-Last-Serial."""
    lines = [f'"{name}" {serial};\n' for name, serial in serials.items()]
    (folder / "serials.map").write_text("".join(lines))


def write_packed(path: Path, content: object) -> int:
    """Write JSON as it is and packed, as a CDN has both; return its length."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = json.dumps(content, separators=(",", ":")).encode()
    path.write_bytes(body)
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(body, 6, mtime=0))
    return len(body)


def _files(name: str, number: int) -> Iterator[dict[str, Any]]:
    """Yield a project's files, release by release."""
    chance = random.Random(number)
    # A log-normal distribution of this median and mean.
    spread = (2 * log(_MEAN_FILES / _MEDIAN_FILES)) ** 0.5
    count = min(_MOST_FILES, max(1, round(chance.lognormvariate(log(_MEDIAN_FILES), spread))))
    native = chance.random() < _NATIVE_SHARE
    tags = _PLATFORMS[: chance.randint(4, len(_PLATFORMS))] if native else ("py3-none-any",)
    scale = 400_000 if native else 20_000
    made = 0
    release = 0
    while made < count:
        version = f"{release // 40}.{release // 4 % 10}.{release % 4}"
        release += 1
        for tag in (*tags, None)[: count - made]:
            yield _file(chance, (name, version, tag), round(chance.lognormvariate(log(scale), 1.2)))
            made += 1


def _file(chance: random.Random, named: tuple[str, str, str | None], size: int) -> dict[str, Any]:
    name, version, tag = named
    stem = f"{name.replace('-', '_')}-{version}"
    place = chance.randbytes(32).hex()
    filename = f"{stem}-{tag}.whl" if tag else f"{stem}.tar.gz"
    return {
        "filename": filename,
        "version": version,
        "size": size,
        "sha256": chance.randbytes(32).hex(),
        "blake2b": place,
        "md5": chance.randbytes(16).hex(),
        "url": f"{_FILES}{place[:2]}/{place[2:4]}/{place[4:]}/{filename}",
        "metadata": chance.randbytes(32).hex() if tag else None,
        "uploaded": f"20{chance.randint(12, 26)}-{chance.randint(1, 12):02}-14T08:30:59.123456Z",
        "yanked": chance.random() < 0.005,
    }


def _listed(file: dict[str, Any]) -> dict[str, Any]:
    """Return a file as the simple index lists it."""
    metadata = {"sha256": file["metadata"]} if file["metadata"] else False
    return {
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        "filename": file["filename"],
        "hashes": {"sha256": file["sha256"]},
        "provenance": None,
        "requires-python": ">=3.9",
        "size": file["size"],
        "upload-time": file["uploaded"],
        "url": file["url"],
        "yanked": file["yanked"],
    }


def _legacy(name: str, serial: int, files: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a project as the legacy JSON API tells it."""
    releases: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        releases.setdefault(file["version"], []).append(_released(file))
    latest = files[-1]["version"] if files else "0"
    description = f"# {name}\n\n" + "What it does, how it is installed, and why.\n" * 60
    return {
        "info": {"name": name, "version": latest, "description": description, "summary": name},
        "last_serial": serial,
        "releases": releases,
        "urls": releases.get(latest, []),
        "vulnerabilities": [],
    }


def _released(file: dict[str, Any]) -> dict[str, Any]:
    wheel = file["filename"].endswith(".whl")
    digests = {"blake2b_256": file["blake2b"], "md5": file["md5"], "sha256": file["sha256"]}
    return {
        "comment_text": None,
        "digests": digests,
        "downloads": -1,
        "filename": file["filename"],
        "has_sig": False,
        "md5_digest": file["md5"],
        "packagetype": "bdist_wheel" if wheel else "sdist",
        "python_version": "py3" if wheel else "source",
        "requires_python": ">=3.9",
        "size": file["size"],
        "upload_time": file["uploaded"][:19],
        "upload_time_iso_8601": file["uploaded"],
        "url": file["url"],
        "yanked": file["yanked"],
        "yanked_reason": None,
    }
