"""A larder whose upstream is a larder: the same pages, byte for byte."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from app.assembly import open_core_metadata, open_documents
from app.config import load
from app.names import ProjectName, parse_file_path, parse_filename, parse_version
from jobs.parts import Parts, make_folders
from jobs.sync_index import run as sync_index
from tests.fake_pypi import FakeFile, FakePypi, Replaced, make_sdist, make_wheel
from tests.mirrors import write_config
from tests.serving import Serving

pytestmark = pytest.mark.system

RICH = ProjectName("rich-page")
OBJECT = b'{"version":1,"attestation_bundles":[]}'
HOSTILE = "\"><script>alert('1')</script>&amp;\r\n\t'\u00fc\U0001f40d"


@pytest.fixture
def signed(fake_pypi: FakePypi) -> FakeFile:
    """Fill an upstream with all that a page can say; return the file with provenance."""
    wheel = make_wheel("Rich.Page", "1.0")
    place = f"/integrity/rich-page/1.0/{wheel.filename}/provenance"
    fake_pypi.inject(Replaced(OBJECT, "application/vnd.pypi.integrity.v1+json"), at=place)
    file = fake_pypi.add(
        wheel,
        requires_python=HOSTILE,
        extra={"provenance": fake_pypi.url + place, "gpg-sig": True, "x-new": {"a": [1, HOSTILE]}},
    )
    fake_pypi.add(make_sdist("Rich.Page", "1.0"), yanked=HOSTILE)
    fake_pypi.add(make_sdist("Rich.Page", "2.0rc1"), yanked=True, extra={"size": None})
    fake_pypi.add_project("Rich.Page", ["3.0"], status="archived", reason=HOSTILE)
    fake_pypi.add_project("empty", ["1.0"])
    fake_pypi.add(make_wheel("bad", "1.0"))
    fake_pypi.add_project("bad", status="quarantined")
    return file


@contextmanager
def mirror_of(first: Serving, folder: Path, pypi: FakePypi) -> Iterator[Parts]:
    """Yield the parts of a mirror of a mirror."""
    url = f"http://127.0.0.1:{first.config.listen.port}{first.config.prefix}"
    folder.mkdir()
    path = write_config(
        folder,
        pypi,
        upstream={"pypi_url": url, "packages_url": f"{url}/packages/"},
        sync={"retry": 0, "max_age": 0, "legacy_json": "mirror"},
        index={"projects": "all"},
    )
    config = load(path)
    make_folders(config)
    assert 0 == sync_index(["-q", "-c", str(path)])
    parts = Parts(config)
    try:
        yield parts
    finally:
        parts.store.close()
        parts.upstream.close()


def test_a_mirror_of_the_mirror_is_the_same(
    tmp_path: Path, fake_pypi: FakePypi, signed: FakeFile
) -> None:
    """Root and pages in both formats, legacy JSON, provenance and core metadata."""
    # `bad` is quarantined: PyPI's list does not name it, its page says why.
    names = ("rich-page", "empty", "bad")
    with Serving.of(tmp_path, fake_pypi) as first:
        for name in names:
            assert 200 == first.get(f"/pypi/simple/{name}/").status
        assert 0 == sync_index(["-q", "-c", str(first.path)])
        with mirror_of(first, tmp_path / "second", fake_pypi) as second:
            one, other = (config.repo_path for config in (first.config, second.config))
            for page in ("", *(f"{name}/" for name in names)):
                for file in ("index.html", "index.v1.json"):
                    expected = (one / "simple" / page / file).read_bytes()
                    assert expected == (other / "simple" / page / file).read_bytes()
            for name in ("rich-page", "empty"):
                sent = requests.get(f"{fake_pypi.url}/pypi/{name}/json", timeout=5)
                assert sent.content == first.get(f"/pypi/{name}/json").body
                assert sent.content == (other / "json" / name).read_bytes()
            assert not (other / "json" / "bad").is_symlink()
            _companions_are_the_same(second, signed)
        page = json.loads((one / "simple" / "rich-page" / "index.v1.json").read_bytes())
        assert {"a": [1, HOSTILE]} == page["files"][0]["x-new"]


def _companions_are_the_same(second: Parts, signed: FakeFile) -> None:
    """The second mirror can serve what its pages announce."""
    config, upstream = second.config, second.upstream
    documents = open_documents(config, second.store, upstream, second.index)
    filename = parse_filename(signed.filename)
    assert documents.provenance(RICH, parse_version("1.0"), filename) is None
    (kept,) = (config.repo_path / "simple" / RICH / "provenance").rglob("*.json")
    assert OBJECT == kept.read_bytes()
    path = parse_file_path(signed.path)
    assert open_core_metadata(config, second.store, upstream).keep(path)
    assert signed.metadata == (config.repo_path / "metadata" / f"{path}.metadata").read_bytes()
