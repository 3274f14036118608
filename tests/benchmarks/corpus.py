"""An upstream's pages as files: made up, but of PyPI's shapes.

PyPI has some 750,000 projects and 16 million files: 21 files a project on the mean,
while half of the projects have six or fewer and some have thousands (`MIXES["all"]`).
Four of five have one wheel and one sdist a release; the others have a wheel for each
platform. The legacy JSON has, beside all files and those of the last release a second
time, the metadata of that release: names, classifiers, links and requirements (1.5 to
2 kB in what is commonly installed) and the README. How long the READMEs of all of PyPI
are is not published; those of 44 projects that this one's tests install have 7.5 kB on the
mean and 2.7 kB in the middle, and pack to 43 percent. So `MIXES["popular"]` has those,
with ten times as many files a project, and `MIXES["all"]` two thirds of them.
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


_SYLLABLES = [first + second for first in "dlmnrst" for second in "aeiou"]
_TOPICS = ("Internet :: WWW/HTTP", "Scientific/Engineering", "Software Development :: Libraries")


@dataclass(frozen=True, slots=True)
class Mix:
    """How large the projects are: log-normal, by median and mean."""

    files: tuple[int, int]
    # Characters of the README.
    readme: tuple[int, int]


MIXES = {
    "all": Mix(files=(6, 21), readme=(1800, 5000)),
    "popular": Mix(files=(60, 210), readme=(2700, 7500)),
}


@dataclass(frozen=True, slots=True)
class Written:
    """What a corpus holds."""

    projects: int
    files: int
    # Of all pages and legacy JSON, unpacked.
    bytes: int


def write_corpus(folder: Path, projects: int, mix: Mix = MIXES["all"]) -> Written:
    """Write pages, legacy JSON, the list of projects, and nginx's map of serials."""
    files = size = 0
    serials = {}
    for number in range(projects):
        name, serial = name_of(number), 1_000_000 + number
        listed = list(_files(name, number, mix))
        files += len(listed)
        serials[name] = serial
        size += write_project(folder, name, serial, listed, _info(name, number, mix))
    write_list(folder, serials)
    _write_headers(folder, serials)
    return Written(projects, files, size)


def name_of(number: int) -> str:
    """Return a project's name; no two are alike."""
    chance = random.Random(number)
    return f"{chance.choice(_WORDS)}-{chance.choice(_WORDS)}-{number}"


def write_project(
    folder: Path,
    name: str,
    serial: int,
    files: list[dict[str, Any]],
    info: dict[str, Any] | None = None,
) -> int:
    """Write a project's page and its legacy JSON, of one serial; return their length."""
    told = _legacy(info or {"name": name}, serial, files)
    legacy = write_packed(folder / "json" / f"{name}.json", told)
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


def _drawn(chance: random.Random, median: int, mean: int) -> int:
    """Draw from the log-normal distribution of a median and a mean."""
    return round(chance.lognormvariate(log(median), (2 * log(mean / median)) ** 0.5))


def _files(name: str, number: int, mix: Mix) -> Iterator[dict[str, Any]]:
    """Yield a project's files, release by release."""
    chance = random.Random(number)
    count = min(_MOST_FILES, max(1, _drawn(chance, *mix.files)))
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


def _info(name: str, number: int, mix: Mix) -> dict[str, Any]:
    """Return the metadata of the last release, as the legacy JSON has it."""
    chance = random.Random(number)
    home = f"https://example.org/{_prose(chance, 8)}/{name}"
    versions = [f"Programming Language :: Python :: 3.{minor}" for minor in range(9, 14)]
    topics = [f"Topic :: {topic} :: {_prose(chance, 12)}" for topic in _TOPICS]
    return {
        "author": _prose(chance, 16),
        "author_email": f"{_prose(chance, 8)}@example.org",
        "bugtrack_url": None,
        "classifiers": ["License :: OSI Approved :: MIT License", *versions, *topics],
        "description": _prose(chance, min(200_000, _drawn(chance, *mix.readme))),
        "description_content_type": "text/markdown",
        "docs_url": None,
        "download_url": None,
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "home_page": home,
        "keywords": _prose(chance, 40),
        "license": "MIT",
        "maintainer": None,
        "maintainer_email": None,
        "name": name,
        "package_url": f"https://pypi.org/project/{name}/",
        "project_urls": {what: f"{home}/{what}" for what in ("Docs", "Issues", "Source")},
        "provides_extra": ["dev", "test"],
        "requires_dist": [f"{_prose(chance, 9)}>={major}.0" for major in range(6)],
        "requires_python": ">=3.9",
        "summary": _prose(chance, 60),
        "yanked": False,
        "yanked_reason": None,
    }


def _prose(chance: random.Random, length: int) -> str:
    """Return text of so many characters, which packs as well as prose does."""
    words: list[str] = []
    while length > 0:
        word = "".join(chance.choices(_SYLLABLES, k=chance.choice((1, 1, 2, 2, 3))))
        words.append(word)
        length -= len(word) + 1
    return " ".join(words)


def _legacy(info: dict[str, Any], serial: int, files: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a project as the legacy JSON API tells it."""
    releases: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        releases.setdefault(file["version"], []).append(_released(file))
    latest = files[-1]["version"] if files else "0"
    return {
        "info": {**info, "version": latest},
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
