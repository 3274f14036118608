"""A change of the prefix, through real nginx and gunicorn."""

import json
from pathlib import Path

import pytest

from app.model import PageFormat
from tests.fake_pypi import FakePypi, make_wheel
from tests.serving import Serving
from tests.test_jobs import run, snapshot

pytestmark = pytest.mark.system

EVERYTHING: dict[str, object] = {
    "index": {"projects": "all"},
    "sync": {"retry": 0, "legacy_json": "mirror"},
}


@pytest.mark.parametrize("prefix", ["/mirror/of/pypi", ""])
def test_another_prefix_changes_no_page(tmp_path: Path, fake_pypi: FakePypi, prefix: str) -> None:
    """Links are relative: nothing is planned, and all that was here answers below the new one."""
    wheel = fake_pypi.add(make_wheel("six", "1.0"))
    before = Serving.of(tmp_path, fake_pypi, **EVERYTHING)
    assert 0 == run("sync-index", before.path).returncode
    before.hold("hot", wheel.path, wheel.content)
    pages = snapshot(before.config.repo_path / "simple")

    after = Serving.of(tmp_path, fake_pypi, prefix=prefix, **EVERYTHING)
    assert before.config.prefix != after.config.prefix == prefix
    assert "[]\n" == run("sync-index", after.path, "--dry-run", "--json").stdout
    assert 0 == run("sync-index", after.path).returncode
    assert pages == snapshot(after.config.repo_path / "simple")

    fake_pypi.forget_requests()
    with after:
        page = after.get(f"{prefix}/simple/six/", Accept=PageFormat.JSON.value)
        assert 200 == page.status
        (file,) = json.loads(page.body)["files"]
        assert f"../../packages/{wheel.path}" == file["url"]
        assert (
            f'href="../../packages/{wheel.path}'.encode() in after.get(f"{prefix}/simple/six/").body
        )
        assert wheel.content == after.get(f"{prefix}/packages/{wheel.path}").body
        assert b'"six"' in after.get(f"{prefix}/six/json").body
        assert b'href="six/"' in after.get(f"{prefix}/simple/").body
        assert 404 == after.get("/pypi/simple/six/").status
    assert 0 == fake_pypi.count("/simple/six/")
