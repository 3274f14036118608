"""`load.py`, which is in every bundle: it lays a bundle out with the standard library alone."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.bundle import load, new_key
from app.names import FilePath
from app.steps import Evict
from jobs.parts import Parts
from tests.bundles import fill, hold, mirror, run
from tests.fake_pypi import FakeFile, FakePypi

BARE = (sys.executable, "-I", "-S")
"""Python without any package that is installed."""


@dataclass
class Bundles:
    """A mirror, two bundles of it, the second since the first, and what the first is for."""

    one: Path
    two: Path
    files: dict[str, FakeFile]
    folder: Path
    parts: Parts

    def lay_out(
        self, bundle: Path, *options: str | Path, python: tuple[str, ...] = BARE, path: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run the program of the first bundle."""
        given = options or ("--key", self.folder / "key.pub")
        command = [*python, self.one / "load.py", bundle, self.folder / "www", *given]
        environment = {"PATH": path or os.environ["PATH"]}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    def laid(self) -> dict[str, bytes]:
        """Return what lies in the folder."""
        return read(self.folder / "www")


def read(folder: Path) -> dict[str, bytes]:
    """Return what of a folder a web server would serve."""
    return {
        path: (folder / path).read_bytes()
        for path in (str(place.relative_to(folder)) for place in folder.rglob("*"))
        if path.startswith(("simple/", "packages/")) and (folder / path).is_file()
    }


@pytest.fixture
def bundles(tmp_path: Path, fake_pypi: FakePypi) -> Iterator[Bundles]:
    """Make a mirror and two bundles."""
    files = fill(fake_pypi)
    new_key(tmp_path / "key")
    with mirror(tmp_path / "sender", fake_pypi) as parts:
        one, two = tmp_path / "one", tmp_path / "two.tar"
        key = ("--key", tmp_path / "key")
        hold(parts, {files["six"].path: 0, files["old"].path: 1}, "six", "flask")
        assert run("bundle", parts.config, "-o", one, *key).returncode == 0
        parts.holdings.execute(Evict(FilePath(files["old"].path), 1, 0))
        hold(parts, {files["six"].path: 0, files["new"].path: 1}, "flask")
        assert run("bundle", parts.config, "-o", two, "--since", one, *key).returncode == 0
        yield Bundles(one, two, files, tmp_path, parts)


def test_a_plain_folder_gets_the_static_index_and_what_changed(bundles: Bundles) -> None:
    """First all, then what is new, without what is gone; the same again changes nothing."""
    for _ in range(2):
        done = bundles.lay_out(bundles.one)
        assert (0, "") == (done.returncode, done.stderr)
        assert read(bundles.one) == bundles.laid()
    assert bundles.lay_out(bundles.two).returncode == 0
    whole = bundles.folder / "whole"
    assert run("bundle", bundles.parts.config, "-o", whole).returncode == 0
    assert read(whole) == bundles.laid()
    assert f"packages/{bundles.files['old'].path}" not in bundles.laid()


@pytest.mark.parametrize("python", [(sys.executable, "-I"), BARE])
def test_the_signature_is_checked_with_what_is_there(
    bundles: Bundles, python: tuple[str, ...]
) -> None:
    """By Python's cryptography, or by openssl: another's key is refused, nothing is made."""
    new_key(bundles.folder / "other")
    wrong = bundles.lay_out(bundles.one, "--key", bundles.folder / "other.pub", python=python)
    assert (3, {}) == (wrong.returncode, bundles.laid()), wrong.stderr
    right = bundles.lay_out(bundles.one, python=python)
    assert "signature and hashes are right" in right.stdout


def test_where_nothing_can_check_a_signature_it_says_so(bundles: Bundles) -> None:
    """It is refused then, and `--unsigned` says that the hashes alone were checked."""
    done = bundles.lay_out(bundles.one, path="/nowhere")
    assert (3, {}) == (done.returncode, bundles.laid())
    assert "--unsigned" in done.stderr
    done = bundles.lay_out(bundles.one, "--unsigned", path="/nowhere")
    assert (0, "done; the hashes alone were checked\n") == (done.returncode, done.stdout)


def test_what_is_wrong_is_refused_before_anything_is_written(bundles: Bundles) -> None:
    """Another base, a wrong byte, a folder with other things in it."""
    assert bundles.lay_out(bundles.two).returncode == 3
    place = bundles.one / "packages" / bundles.files["six"].path
    content = place.read_bytes()
    place.write_bytes(bytes(len(content)))
    assert bundles.lay_out(bundles.one).returncode == 3
    assert not (bundles.folder / "www").exists()
    place.write_bytes(content)
    (bundles.folder / "www").mkdir()
    (bundles.folder / "www" / "mine").touch()
    assert bundles.lay_out(bundles.one).returncode == 3
    (bundles.folder / "www" / "mine").unlink()
    assert bundles.lay_out(bundles.one).returncode == 0


def test_it_can_be_read_by_python_3_9() -> None:
    """Its grammar, at least; and it imports nothing but the standard library when it starts."""
    tree = ast.parse(Path(load.__file__).read_text(), feature_version=(3, 9))
    names = {
        name.partition(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }
    assert names <= sys.stdlib_module_names
