"""The fake upstream behaves as PyPI does, and misbehaves as it is told to."""

import gzip
import hashlib
import io
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.fake_pypi import (
    Chunked,
    CutBody,
    CutChunks,
    Drop,
    FakePypi,
    Fault,
    GzipBomb,
    Hang,
    IgnoreRange,
    Redirect,
    Replaced,
    Slow,
    StaleSerial,
    Status,
    WrongContent,
    WrongRange,
    make_sdist,
    make_wheel,
)

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


@pytest.fixture
def pypi() -> Iterator[FakePypi]:
    """Yield an index with one project of two files."""
    with FakePypi() as index:
        index.add(make_wheel("Six_Pack", "1.0", requires_python=">=3.8"))
        index.add(make_sdist("Six_Pack", "1.0"), yanked="broken")
        yield index


def get(url: str, **headers: str) -> requests.Response:
    """Return an answer, without following redirects."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(url, headers=sent, timeout=5, allow_redirects=False)


def test_json_page(pypi: FakePypi) -> None:
    """A page has PyPI's keys, headers and digests."""
    answer = get(pypi.url + "/simple/six-pack/", **JSON)
    page = answer.json()
    wheel, sdist = page["files"]
    content = requests.get(wheel["url"], timeout=5).content
    digest = hashlib.blake2b(content, digest_size=32).hexdigest()
    assert JSON["Accept"] == answer.headers["Content-Type"]
    assert answer.headers["X-PyPI-Last-Serial"] == str(page["meta"]["_last-serial"])
    assert "Accept" in answer.headers["Vary"]
    assert "six-pack" == page["name"]
    assert ["1.0"] == page["versions"]
    assert {"sha256": hashlib.sha256(content).hexdigest()} == wheel["hashes"]
    assert f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/" in wheel["url"]
    assert ">=3.8" == wheel["requires-python"]
    assert wheel["size"] == len(content)
    assert "broken" == sdist["yanked"]


def test_metadata(pypi: FakePypi) -> None:
    """A wheel's metadata is announced with its hash, and answered."""
    wheel = get(pypi.url + "/simple/six-pack/", **JSON).json()["files"][0]
    content = requests.get(wheel["url"] + ".metadata", timeout=5).content
    assert {"sha256": hashlib.sha256(content).hexdigest()} == wheel["core-metadata"]
    assert b"Name: Six_Pack\n" in content


def test_html_by_accept(pypi: FakePypi) -> None:
    """Without a wish for JSON the page is HTML."""
    answer = get(pypi.url + "/simple/six-pack/", Accept="text/html")
    assert "text/html; charset=utf-8" == answer.headers["Content-Type"]
    assert 'data-yanked="broken"' in answer.text
    assert 'data-requires-python="&gt;=3.8"' in answer.text


@pytest.mark.parametrize("links", ["absolute", "relative"])
def test_html_kind(links: str) -> None:
    """An index of HTML alone answers HTML in spite of Accept; its links lead to files."""
    with FakePypi(kind="html", links="relative" if links == "relative" else "absolute") as pypi:
        file = pypi.add(make_wheel("six", "1.0"))
        answer = get(pypi.url + "/simple/six/", **JSON)
    assert answer.headers["Content-Type"].startswith("text/html")
    start = "../../" if links == "relative" else pypi.url + "/"
    assert f'href="{start}packages/{file.path}#sha256=' in answer.text


@pytest.mark.parametrize("path", ["/simple/Six_Pack/", "/simple/six-pack", "/simple/six.pack"])
def test_redirects(pypi: FakePypi, path: str) -> None:
    """Another form of the name redirects to the page."""
    answer = get(pypi.url + path)
    assert 301 == answer.status_code
    assert "/simple/six-pack/" == answer.headers["Location"]


def test_legacy(pypi: FakePypi) -> None:
    """Legacy JSON has the releases, their files and the serial."""
    page = get(pypi.url + "/pypi/six-pack/json").json()
    assert page["last_serial"] == pypi.project("six-pack").serial
    assert [None, "broken"] == [entry["yanked_reason"] for entry in page["releases"]["1.0"]]
    assert page["releases"]["1.0"] == page["urls"]
    assert "1.0" == get(pypi.url + "/pypi/six-pack/1.0/json").json()["info"]["version"]
    assert 404 == get(pypi.url + "/pypi/other/json").status_code


def test_root_with_serials(pypi: FakePypi) -> None:
    """The JSON root has display names and serials."""
    page = get(pypi.url + "/simple/", **JSON).json()
    assert page["projects"] == [
        {"_last-serial": pypi.project("six-pack").serial, "name": "Six_Pack"}
    ]


def test_xmlrpc() -> None:
    """XML-RPC has the list where it is chosen, and faults come as 200."""
    with FakePypi(serials="xmlrpc") as pypi:
        pypi.add_project("Six")
        call = "<methodCall><methodName>{}</methodName></methodCall>"
        listed, other = (
            requests.post(pypi.url + "/pypi", call.format(name), timeout=5)
            for name in ("list_packages_with_serial", "browse")
        )
    assert f"<name>Six</name><value><int>{pypi.project('six').serial}<" in listed.text
    assert 200 == other.status_code
    assert "<fault>" in other.text


def test_quarantine() -> None:
    """A quarantined project has an empty page, no legacy JSON, and no place in the root."""
    with FakePypi() as pypi:
        pypi.add(make_wheel("six", "1.0"))
        pypi.add_project("six", status="quarantined", reason="malware")
        page = get(pypi.url + "/simple/six/", **JSON).json()
        assert [] == page["files"]
        assert {"status": "quarantined", "reason": "malware"} == page["project-status"]
        assert 404 == get(pypi.url + "/pypi/six/json").status_code
        assert [] == get(pypi.url + "/simple/", **JSON).json()["projects"]


def test_not_modified(pypi: FakePypi) -> None:
    """A page with the ETag that was sent is 304; after a change it is 200."""
    url = pypi.url + "/simple/six-pack/"
    etag = get(url, **JSON).headers["ETag"]
    assert 304 == get(url, **JSON, If_None_Match=etag).status_code
    assert 200 == get(url, Accept="text/html", If_None_Match=etag).status_code
    pypi.touch("six-pack")
    assert 200 == get(url, **JSON, If_None_Match=etag).status_code


def test_ranges(pypi: FakePypi) -> None:
    """Files answer ranges, suffixes, If-Range and HEAD."""
    file = pypi.project("six-pack").files[0]
    url = pypi.packages_url + file.path
    size = len(file.content)
    etag = get(url).headers["ETag"]
    tail = get(url, Range="bytes=-10")
    assert (206, file.content[-10:]) == (tail.status_code, tail.content)
    assert tail.headers["Content-Range"] == f"bytes {size - 10}-{size - 1}/{size}"
    assert get(url, Range="bytes=10-", If_Range=etag).content == file.content[10:]
    assert get(url, Range="bytes=10-", If_Range='"other"').content == file.content
    assert 416 == get(url, Range=f"bytes={size}-").status_code
    head = requests.head(url, timeout=5)
    assert (str(size), b"") == (head.headers["Content-Length"], head.content)


def test_stale_pages(pypi: FakePypi) -> None:
    """A frozen project's pages stay, while the list has the new serial."""
    old = pypi.project("six-pack").serial
    pypi.freeze("six-pack")
    new = pypi.touch("six-pack")
    assert str(old) == get(pypi.url + "/simple/six-pack/").headers["X-PyPI-Last-Serial"]
    assert new == get(pypi.url + "/simple/", **JSON).json()["projects"][0]["_last-serial"]
    pypi.thaw("six-pack")
    assert str(new) == get(pypi.url + "/simple/six-pack/").headers["X-PyPI-Last-Serial"]


def test_list_and_pages_may_disagree(pypi: FakePypi) -> None:
    """The list may name what has no page, and keep silent about what has one."""
    pypi.announce("ghost", 7)
    pypi.announce("Six_Pack", None)
    listed = get(pypi.url + "/simple/", **JSON).json()["projects"]
    assert listed == [{"_last-serial": 7, "name": "ghost"}]
    assert 404 == get(pypi.url + "/simple/ghost/").status_code
    assert 200 == get(pypi.url + "/simple/six-pack/").status_code


def test_vanished_and_corrupted_files(pypi: FakePypi) -> None:
    """A file that is listed may be gone, or have other bytes."""
    wheel, sdist = pypi.project("six-pack").files
    pypi.vanish(wheel)
    pypi.corrupt(sdist)
    assert 404 == get(pypi.packages_url + wheel.path).status_code
    wrong = get(pypi.packages_url + sdist.path).content
    assert wrong != sdist.content
    assert len(wrong) == len(sdist.content)


def test_removal_and_yank(pypi: FakePypi) -> None:
    """Files and projects can go, and be yanked."""
    wheel, sdist = pypi.project("six-pack").files
    pypi.yank("six-pack", wheel.filename)
    pypi.remove_file("six-pack", sdist.filename)
    (left,) = get(pypi.url + "/simple/six-pack/", **JSON).json()["files"]
    assert left["yanked"] is True
    assert 404 == get(pypi.packages_url + sdist.path).status_code
    pypi.remove_project("six-pack")
    assert 404 == get(pypi.url + "/simple/six-pack/").status_code


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Status(503, retry_after=3), 503),
        (Redirect("/elsewhere/"), 302),
        (Replaced(b"<h1>Log in</h1>"), 200),
        (StaleSerial(1), 200),
        (Slow(chunk=100, pause=0.001), 200),
        (WrongContent(), 200),
        (Chunked(), 200),
    ],
)
def test_faults(pypi: FakePypi, fault: Fault, status: int) -> None:
    """A fault changes the answers to its path, as often as was said."""
    url = pypi.url + "/simple/six-pack/"
    pypi.inject(fault, at="/simple/six-*", times=1)
    bad, good, again = (get(url, Accept_Encoding="identity") for _ in range(3))
    assert status == bad.status_code
    same = (bad.headers, bad.content) == (good.headers, good.content)
    assert same == isinstance(fault, Slow)
    assert (again.headers, again.content) == (good.headers, good.content)


def test_later_faults_count_first(pypi: FakePypi) -> None:
    """Of two faults the later one counts; healed, none does."""
    pypi.inject(Status(500))
    pypi.inject(Status(429, retry_after=9), method="GET")
    answer = get(pypi.url + "/simple/")
    assert (429, "9") == (answer.status_code, answer.headers["Retry-After"])
    assert 500 == requests.head(pypi.url + "/simple/", timeout=5).status_code
    pypi.heal()
    assert 200 == get(pypi.url + "/simple/").status_code


@pytest.mark.parametrize("fault", [CutBody(20), CutChunks(), Drop()])
def test_cut_connections(pypi: FakePypi, fault: Fault) -> None:
    """A cut body or a dropped connection is an error for a client that counts."""
    pypi.inject(fault)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(pypi.url + "/simple/six-pack/")


def test_hang(pypi: FakePypi) -> None:
    """A hanging answer ends with the client's patience, and does not hold up stop()."""
    pypi.inject(Hang(after=5))
    with pytest.raises(requests.ConnectionError):
        requests.get(pypi.url + "/simple/six-pack/", timeout=0.1)
    threading.Timer(0.1, pypi.stop).start()
    began = time.monotonic()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(pypi.url + "/simple/six-pack/", timeout=5)
    assert time.monotonic() - began < 4


def test_bomb(pypi: FakePypi) -> None:
    """A bomb is small on the wire."""
    pypi.inject(GzipBomb(8 << 20))
    with requests.get(pypi.url + "/simple/six-pack/", timeout=5, stream=True) as answer:
        packed = answer.raw.read(decode_content=False)
    assert len(packed) < 100_000
    assert len(gzip.decompress(packed)) == 8 << 20


def test_wrong_ranges(pypi: FakePypi) -> None:
    """A range may be ignored, or answered with another."""
    file = pypi.project("six-pack").files[0]
    url = pypi.packages_url + file.path
    pypi.inject(IgnoreRange(), times=1)
    assert 200 == get(url, Range="bytes=5-").status_code
    pypi.inject(WrongRange("bytes 1-4/5"))
    assert "bytes 1-4/5" == get(url, Range="bytes=5-").headers["Content-Range"]


def test_stop_and_start(pypi: FakePypi) -> None:
    """A stopped index refuses; started again it is where it was, content and all."""
    url = pypi.url + "/simple/six-pack/"
    with requests.Session() as session:
        session.get(url, timeout=5)
        pypi.stop()
        with pytest.raises(requests.ConnectionError):
            session.get(url, timeout=5)
        pypi.start()
        assert 200 == session.get(url, timeout=5).status_code


def test_log(pypi: FakePypi) -> None:
    """The log tells method, path and headers, and counts."""
    get(pypi.url + "/simple/six-pack/?format=x", User_Agent="test/1")
    (request,) = pypi.requests
    assert ("GET", "/simple/six-pack/?format=x") == (request.method, request.path)
    assert "test/1" == request.headers["user-agent"]
    assert 1 == pypi.count("/simple/*")
    assert 0 == pypi.count(method="HEAD")
    pypi.forget_requests()
    assert () == pypi.requests


def test_keep_alive(pypi: FakePypi) -> None:
    """One connection serves many requests quickly."""
    with requests.Session() as session:
        began = time.monotonic()
        for _ in range(100):
            session.get(pypi.url + "/simple/six-pack/", timeout=5)
    assert time.monotonic() - began < 3


def test_hostile_names(pypi: FakePypi) -> None:
    """Nothing is checked on the way in."""
    pypi.add_file("six-pack", "../../etc/passwd", b"x", extra={"size": ...})
    hostile = get(pypi.url + "/simple/six-pack/", **JSON).json()["files"][-1]
    assert "../../etc/passwd" == hostile["filename"]
    assert "size" not in hostile


def test_wheels_are_the_same_each_time() -> None:
    """A wheel of one recipe has one content, and an intact archive."""
    one, other = (make_wheel("six", "1.0", ["idna>=2"], padding=1000) for _ in range(2))
    assert one == other
    with zipfile.ZipFile(io.BytesIO(one.content)) as archive:
        assert archive.testzip() is None
    assert b"Requires-Dist: idna>=2\n" in (one.metadata or b"")
    assert len(one.content) > 1000


@pytest.mark.slow
def test_pip_installs(tmp_path: Path) -> None:
    """The pip of this Python installs the wheel, and its dependency from an sdist."""
    with FakePypi() as pypi:
        pypi.add(make_wheel("first-one", "1.0", ["second.one==2.0"]))
        pypi.add(make_sdist("second.one", "2.0"))
        options = ["--isolated", "--disable-pip-version-check", "--no-cache-dir", "--target"]
        command = [sys.executable, "-m", "pip", "install", *options, str(tmp_path)]
        subprocess.run(
            [*command, "--index-url", pypi.url + "/simple/", "first-one"],
            check=True,
            capture_output=True,
            timeout=120,
        )
    assert (tmp_path / "first_one").is_dir()
    assert (tmp_path / "second_one").is_dir()
