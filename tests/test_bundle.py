"""`larder bundle`: what is in it, that it serves clients as it is, and that it is never half."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.bundle import Bundle, check_signature, new_key
from app.names import FilePath
from app.steps import Evict
from jobs.parts import Parts
from tests.bundles import fill, hold, mirror, run
from tests.fake_pypi import FakeFile, FakePypi


@dataclass
class Sender:
    """A mirror that holds six, and flask 1 of two releases."""

    parts: Parts
    files: dict[str, FakeFile]
    folder: Path

    def bundle(self, *options: str | Path) -> subprocess.CompletedProcess[str]:
        """Run `larder bundle`."""
        return run("bundle", self.parts.config, *options)


@pytest.fixture
def sender(tmp_path: Path, fake_pypi: FakePypi) -> Iterator[Sender]:
    """Make the mirror."""
    files = fill(fake_pypi)
    with mirror(tmp_path / "sender", fake_pypi) as parts:
        wish = {files["six"].path: 0, files["old"].path: 1}
        hold(parts, wish, "six", "flask", "unheld")
        yield Sender(parts, files, tmp_path)


def paths(folder: Path) -> set[str]:
    """Return the files of a folder, by their paths."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def content(folder: Path) -> dict[str, tuple[str, int]]:
    """Return digest and time of every file of a folder."""
    return {
        path: (
            hashlib.sha256((folder / path).read_bytes()).hexdigest(),
            int((folder / path).stat().st_mtime),
        )
        for path in paths(folder)
    }


def test_a_bundle_has_pages_held_files_and_what_the_store_knows(sender: Sender) -> None:
    """Pages that a static index cannot use as they are lie below `tree/`."""
    done = sender.bundle("-o", sender.folder / "out")
    assert (0, "") == (done.returncode, done.stdout)
    six, old = sender.files["six"].path, sender.files["old"].path
    pages = {"index.html", "index.v1.json"}
    packed = pages | {f"{name}.gz" for name in pages}
    expected = {
        *("bundle.json", "manifest.jsonl", "load.py"),
        *(f"facts/{name}.json" for name in ("six", "flask", "unheld")),
        *(f"packages/{path}{end}" for path in (six, old) for end in ("", ".metadata")),
        *(f"simple/{name}" for name in pages),
        *(f"simple/six/{name}" for name in packed),
        *(f"simple/flask/{name}" for name in pages),
        *(f"tree/simple/{name}" for name in packed),
        *(f"tree/simple/{project}/{name}" for project in ("flask", "unheld") for name in packed),
    }
    assert expected == paths(sender.folder / "out")
    shown = json.loads((sender.folder / "out/simple/flask/index.v1.json").read_text())
    assert [sender.files["old"].filename] == [file["filename"] for file in shown["files"]]
    root = json.loads((sender.folder / "out/simple/index.v1.json").read_text())
    assert ["flask", "six"] == [project["name"] for project in root["projects"]]


def test_the_same_tree_gives_the_same_bytes(sender: Sender) -> None:
    """Twice a folder, twice a tar; and the tar has the folder's files, in the manifest's order."""
    new_key(sender.folder / "key")
    for name in ("one", "two", "one.tar", "two.tar"):
        done = sender.bundle("-o", sender.folder / name, "--key", sender.folder / "key")
        assert done.returncode == 0, done.stderr
    assert content(sender.folder / "one") == content(sender.folder / "two")
    assert (sender.folder / "one.tar").read_bytes() == (sender.folder / "two.tar").read_bytes()
    with tarfile.open(sender.folder / "one.tar") as tar:
        names = tar.getnames()
    unpacked = sender.folder / "unpacked"
    unpacked.mkdir()
    subprocess.run(["tar", "-xf", sender.folder / "one.tar", "-C", unpacked], check=True)
    assert ["bundle.json", "bundle.sig", "manifest.jsonl", "load.py"] == names[:4]
    assert sorted(names[4:]) == names[4:]
    assert content(sender.folder / "one") == content(unpacked)


def test_the_manifest_tells_size_and_digest_of_everything(sender: Sender) -> None:
    """And the header those of the manifest and of the program."""
    assert sender.bundle("-o", sender.folder / "out").returncode == 0
    out = sender.folder / "out"
    header = json.loads((out / "bundle.json").read_text())
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    told = {line["path"]: (line["sha256"], line["mtime"]) for line in lines}
    found = content(out)
    assert (1, None, False) == (header["format"], header["base"], header["signed"])
    for name, part in (("manifest.jsonl", "manifest"), ("load.py", "program")):
        assert found.pop(name)[0] == header[part]["sha256"]
    assert header["manifest"]["size"] == (out / "manifest.jsonl").stat().st_size
    del found["bundle.json"]
    assert found == told
    assert all(line["size"] == (out / line["path"]).stat().st_size for line in lines)


def test_a_key_signs_and_its_public_half_verifies(sender: Sender) -> None:
    """The private half is for its owner alone; openssl accepts the signature, too."""
    key = sender.folder / "key"
    made = run("bundle", sender.parts.config, "--new-key", key)
    assert made.stdout == (sender.folder / "key.pub").read_text()
    assert 0o600 == key.stat().st_mode & 0o777
    assert run("bundle", sender.parts.config, "--new-key", key).returncode == 2
    assert sender.bundle("-o", sender.folder / "out", "--key", key).returncode == 0
    header, signature = sender.folder / "out/bundle.json", sender.folder / "out/bundle.sig"
    public = sender.folder / "key.pub"
    assert check_signature(header.read_bytes(), signature.read_bytes(), public)
    command: list[str | Path] = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        public,
        "-rawin",
    ]
    command += ["-in", header, "-sigfile", signature]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("client", ["pip", "uv"])
@pytest.mark.slow
def test_a_bundle_is_a_static_index(sender: Sender, client: str) -> None:
    """The newest file that is in it is installed with what it requires, without a server."""
    out, target = sender.folder / "with space+plus", sender.folder / "target"
    assert sender.bundle("-o", out).returncode == 0
    programs = Path(sys.executable).parent
    index = (out / "simple").as_uri() + "/"
    commands: dict[str, list[str | Path]] = {
        "pip": [programs / "pip", "--isolated", "install", "--no-cache-dir", "-q"],
        "uv": [programs / "uv", "pip", "install", "--no-config", "--no-cache"],
    }
    command: list[str | Path] = [
        *commands[client],
        "--target",
        target,
        "--index-url",
        index,
        "flask",
    ]
    sealed = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | sealed
    )
    assert done.returncode == 0, done.stderr
    assert {"flask-1.dist-info", "six-1.dist-info"} <= {path.name for path in target.iterdir()}


def test_a_bundle_since_another_brings_what_changed(sender: Sender) -> None:
    """New, changed and gone; where nothing changed, nothing."""
    assert sender.bundle("-o", sender.folder / "one.tar").returncode == 0
    since = ("--since", sender.folder / "one.tar")
    assert sender.bundle("-o", sender.folder / "same", *since).returncode == 0
    assert {"bundle.json", "manifest.jsonl", "load.py"} == paths(sender.folder / "same")
    wish = {sender.files["six"].path: 0, sender.files["new"].path: 1}
    hold(sender.parts, wish, "six", "flask")
    sender.parts.holdings.execute(Evict(FilePath(sender.files["old"].path), 1, 0))
    assert sender.bundle("-o", sender.folder / "two", *since).returncode == 0
    two = Bundle(sender.folder / "two", lambda _header, _signature: None)
    one = Bundle(sender.folder / "one.tar", lambda _header, _signature: None)
    assert one.identity == two.base
    old, new = sender.files["old"].path, sender.files["new"].path
    gone = {entry.path for entry in two.entries() if entry.gone}
    assert {f"packages/{old}", f"packages/{old}.metadata"} == gone
    brought = {entry.path for entry in two.entries() if entry.here}
    assert {f"packages/{new}", f"packages/{new}.metadata"} <= brought
    assert f"packages/{sender.files['six'].path}" not in brought
    two.check()


def test_a_tar_in_parts_is_one_bundle(sender: Sender) -> None:
    """Each part but the last has the bytes that were asked for, together they are the tar."""
    whole, parts = sender.folder / "whole.tar", sender.folder / "parts.tar"
    assert sender.bundle("-o", whole).returncode == 0
    assert sender.bundle("-o", parts, "--split", "64k").returncode == 0
    found = sorted(sender.folder.glob("parts.tar.*"))
    assert len(found) > 1
    assert {65536} == {part.stat().st_size for part in found[:-1]}
    assert whole.read_bytes() == b"".join(part.read_bytes() for part in found)
    Bundle(found[0], lambda _header, _signature: None).check()


def test_a_dry_run_counts_and_leaves_nothing(sender: Sender) -> None:
    """As a sentence and as data; what it counts is what is written then."""
    before = sorted(sender.folder.iterdir())
    out = sender.folder / "out"
    done = sender.bundle("-o", out, "--dry-run", "--json")
    assert before == sorted(sender.folder.iterdir())
    (step,) = json.loads(done.stdout)
    assert sender.bundle("-o", out).returncode == 0
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert ("bundle", 0) == (step["step"], step["gone"])
    assert (len(lines), sum(line["size"] for line in lines)) == (step["files"], step["bytes"])


def test_a_rotten_file_ends_it_and_nothing_is_to_be_seen(sender: Sender) -> None:
    """Half a bundle is none."""
    place = sender.parts.config.cache.tiers[0].path / sender.files["six"].path
    place.write_bytes(bytes(len(sender.files["six"].content)))
    for name in ("out", "out.tar"):
        done = sender.bundle("-o", sender.folder / name)
        assert done.returncode == 1
        assert "larder verify" in done.stderr
    assert {"sender"} == {path.name for path in sender.folder.iterdir()}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "-o DIR"),
        (("-o", "."), "there already"),
        (("-o", "no/such/place"), "no folder"),
        (("-o", "x", "--split", "1m"), "--split cuts"),
        (("-o", "x.tar", "--split", "much"), "not a size"),
        (("-o", "x", "--key", "none"), "none"),
        (("-o", "x", "--since", "none"), "no bundle"),
    ],
)
def test_wrong_usage_is_told(
    tmp_path: Path, fake_pypi: FakePypi, options: tuple[str, ...], said: str
) -> None:
    """In a sentence, with exit code 2."""
    with mirror(tmp_path / "sender", fake_pypi) as parts:
        done = run("bundle", parts.config, *options)
    assert done.returncode == 2
    assert said in done.stderr
