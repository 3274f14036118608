"""`larder load`: the sender's tree on the other side, or nothing at all."""

import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.bundle import new_key
from app.names import FilePath
from app.steps import Evict
from jobs.harness import job_parser
from jobs.move import MoveFiles
from jobs.parts import Parts
from jobs.verify import VerifyFiles
from tests.bundles import fill, hold, mirror, run, tree
from tests.fake_pypi import FakeFile, FakePypi, make_wheel


@dataclass
class Pair:
    """A mirror, and another behind the gap, whose upstream nobody can reach."""

    sender: Parts
    receiver: Parts
    files: dict[str, FakeFile]
    folder: Path

    def bundle(self, name: str, *options: str | Path) -> Path:
        """Make a signed bundle."""
        key = self.folder / "key"
        if not key.exists():
            new_key(key)
        place = self.folder / name
        done = run("bundle", self.sender.config, "-o", place, "--key", key, *options)
        assert done.returncode == 0, done.stderr
        return place

    def load(self, place: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
        """Load it, by default with the sender's key."""
        given = options or ("--key", self.folder / "key.pub")
        return run("load", self.receiver.config, place, *given)

    def check(self) -> None:
        """The trees are the same; the store knows it, and disk and store agree."""
        assert tree(self.sender.config) == tree(self.receiver.config)
        held = [
            {one.path: (Path(one.root).name, one.bytes) for one in parts.store.holdings()}
            for parts in (self.sender, self.receiver)
        ]
        assert held[0] == held[1]
        assert list(self.sender.store.listed()) == list(self.receiver.store.listed())
        for name, _ in self.sender.store.listed():
            paths = [parts.store.sources(name) for parts in (self.sender, self.receiver)]
            assert paths[0] == paths[1]


@pytest.fixture
def pair(tmp_path: Path, fake_pypi: FakePypi) -> Iterator[Pair]:
    """Make both mirrors; the first holds six, and one of flask's files."""
    files = fill(fake_pypi)
    with FakePypi() as away:
        away.stop()
        legacy = {"retry": 0, "max_age": 0, "legacy_json": "mirror"}
        with (
            mirror(tmp_path / "sender", fake_pypi, sync=legacy) as sender,
            mirror(tmp_path / "receiver", away, sync=legacy) as receiver,
        ):
            wish = {files["six"].path: 0, files["old"].path: 1}
            hold(sender, wish, "six", "flask", "unheld")
            yield Pair(sender, receiver, files, tmp_path)
        away.start()


@pytest.mark.parametrize("name", ["out", "out.tar"])
def test_the_tree_is_the_senders_byte_for_byte(pair: Pair, name: str) -> None:
    """Pages, times, legacy JSON, files on their tiers; and jobs go on from there."""
    done = pair.load(pair.bundle(name))
    assert done.returncode == 0, done.stderr
    pair.check()
    moves = MoveFiles(pair.receiver, job_parser(MoveFiles).parse_args([]))
    assert {"evict"} >= {step.verb for step in moves.plan()}
    verify = VerifyFiles(pair.receiver, job_parser(VerifyFiles).parse_args(["--all"]))
    steps = verify.plan()
    assert len(steps) == 2
    for step in steps:
        verify.execute(step)
    again = pair.load(pair.folder / name)
    assert again.returncode == 0
    assert "nothing to do" in again.stderr


def test_a_bundle_in_parts(pair: Pair) -> None:
    """The first part names them all."""
    pair.bundle("out.tar", "--split", "64k")
    done = pair.load(pair.folder / "out.tar.000")
    assert done.returncode == 0, done.stderr
    pair.check()


def test_what_changed_comes_and_what_is_gone_goes(pair: Pair, fake_pypi: FakePypi) -> None:
    """New files, pages without a file, a project that is gone; only on the right base."""
    one = pair.bundle("one.tar")
    fake_pypi.add(make_wheel("six", "2"))
    fake_pypi.remove_project("unheld")
    pair.sender.index.remove(next(n for n, _ in pair.sender.store.listed() if n == "unheld"))
    pair.sender.holdings.execute(Evict(FilePath(pair.files["old"].path), 1, 0))
    hold(pair.sender, {pair.files["new"].path: 1, pair.files["six"].path: 0}, "six", "flask")
    two = pair.bundle("two.tar", "--since", one)
    refused = pair.load(two)
    assert (3, 1) == (refused.returncode, len(refused.stderr.splitlines())), refused.stderr
    assert tree(pair.receiver.config) == {}
    for bundle in (one, two):
        done = pair.load(bundle)
        assert done.returncode == 0, done.stderr
    pair.check()
    assert pair.load(one).returncode == 0
    assert pair.load(two).returncode == 0
    pair.check()


def test_a_mirror_with_projects_of_its_own_is_left_alone(pair: Pair) -> None:
    """A bundle would delete what nobody has brought by one."""
    hold(pair.sender, {}, "six")
    before = tree(pair.sender.config)
    place = pair.bundle("out")
    done = run("load", pair.sender.config, place, "--unsigned")
    assert done.returncode == 3
    assert "no bundle has brought" in done.stderr
    assert before == tree(pair.sender.config)


def test_nobodys_bundle_is_not_loaded(pair: Pair) -> None:
    """A key or a word is needed, the key must be the right one, and the bundle signed."""
    place = pair.bundle("out")
    new_key(pair.folder / "other")
    assert run("load", pair.receiver.config, place).returncode == 2
    done = pair.load(place, "--key", pair.folder / "other.pub")
    assert (3, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert run("bundle", pair.sender.config, "-o", pair.folder / "plain").returncode == 0
    assert pair.load(pair.folder / "plain").returncode == 3
    assert tree(pair.receiver.config) == {}
    assert pair.load(pair.folder / "plain", "--unsigned").returncode == 0
    pair.check()


def rewritten(place: Path, change: Callable[[list[dict[str, object]]], None]) -> None:
    """Change a folder's manifest, and make its header right again."""
    lines = [json.loads(line) for line in (place / "manifest.jsonl").read_text().splitlines()]
    change(lines)
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    (place / "manifest.jsonl").write_bytes(body)
    digest = hashlib.sha256()
    for line in lines:
        if not line.get("gone"):
            digest.update("{sha256} {size} {mtime} {path}\n".format(**line).encode())
    header = json.loads((place / "bundle.json").read_text())
    header["signed"] = False
    header["identity"] = digest.hexdigest()
    header["manifest"] = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    (place / "bundle.json").write_text(json.dumps(header))


HOSTILE = [
    *("../../x", "/etc/x", "packages/../../x", "simple/./x", "simple//x", "simple/.x"),
    *("run/x", "simple/a\u0000b", "tree/run/x", "packages/a\\b", "simple/" + "x" * 300),
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_leaves_the_tree_is_refused(pair: Pair, path: str) -> None:
    """Before anything is written, wherever it leads."""
    place = pair.bundle("out")

    def change(lines: list[dict[str, object]]) -> None:
        lines.append({**lines[0], "path": path})
        lines.sort(key=lambda line: str(line["path"]))

    rewritten(place, change)
    done = pair.load(place, "--unsigned")
    assert done.returncode == 3, done.stderr
    assert "no path" in done.stderr
    assert tree(pair.receiver.config) == {}


def test_a_file_that_is_listed_twice_is_refused(pair: Pair) -> None:
    """So is a manifest out of order."""
    place = pair.bundle("out")
    rewritten(place, lambda lines: lines.append(lines[-1]))
    assert "twice" in pair.load(place, "--unsigned").stderr


def test_a_folder_with_a_link_a_pipe_or_other_bytes_is_refused(pair: Pair) -> None:
    """No link is followed, no pipe waited for, and no more is read than was said."""
    place = pair.bundle("out")
    victim = place / "packages" / pair.files["six"].path
    content = victim.read_bytes()
    (pair.folder / "elsewhere").write_bytes(content)

    def link() -> None:
        victim.symlink_to(pair.folder / "elsewhere")

    changes: list[Callable[[], object]] = [
        link,
        lambda: os.mkfifo(victim),
        lambda: victim.write_bytes(content + b"x"),
        lambda: victim.write_bytes(bytes(len(content))),
        lambda: None,
    ]
    for change in changes:
        victim.unlink(missing_ok=True)
        change()
        done = pair.load(place)
        assert (3, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
        assert tree(pair.receiver.config) == {}


def _as(kind: bytes) -> Callable[[tarfile.TarInfo], tarfile.TarInfo]:
    def change(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.type, info.linkname = kind, "/etc/passwd"
        return info

    return change


def _named(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.name = "../" + info.name
    return info


@pytest.mark.parametrize(
    "change",
    [*map(_as, (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)), _named],
)
def test_a_tar_with_anything_but_plain_files_is_refused(
    pair: Pair, change: Callable[[tarfile.TarInfo], tarfile.TarInfo]
) -> None:
    """Links, devices, and names that the manifest does not have there."""
    place, wrong = pair.bundle("out.tar"), pair.folder / "wrong.tar"
    with tarfile.open(place) as old, tarfile.open(wrong, "w", format=tarfile.PAX_FORMAT) as new:
        for info in old.getmembers():
            stream = old.extractfile(info)
            info.pax_headers = {}
            new.addfile(change(info) if info.name.endswith(".whl") else info, stream)
    done = pair.load(wrong)
    assert (3, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert tree(pair.receiver.config) == {}


def test_a_tar_that_is_cut_or_has_more_is_refused(pair: Pair) -> None:
    """At any length; and what follows the last file is looked at."""
    body = pair.bundle("out.tar").read_bytes()
    extra = io.BytesIO()
    with tarfile.open(fileobj=extra, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("simple/x"))
    for wrong in (body[: len(body) // 2], body[:1000], b"", body[:-1024] + extra.getvalue()):
        (pair.folder / "wrong.tar").write_bytes(wrong)
        done = pair.load(pair.folder / "wrong.tar")
        assert (3, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert tree(pair.receiver.config) == {}


def test_a_header_that_says_too_much_is_not_read(pair: Pair) -> None:
    """A tar's extended header of a terabyte ends it at once."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 1 << 32
    (pair.folder / "bomb.tar").write_bytes(info.tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
    assert pair.load(pair.folder / "bomb.tar").returncode == 3


@pytest.mark.slow
def test_a_load_that_is_killed_is_done_again(pair: Pair) -> None:
    """At any moment, as often as one likes: in the end the tree is the sender's."""
    place = pair.bundle("out.tar")
    path = pair.receiver.config.repo_path.parent / "larder.yaml"
    command = [sys.executable, "-m", "jobs.cli", "load", "-c", str(path), str(place), "--unsigned"]
    chance = random.Random(7)
    for _ in range(int(os.environ.get("LARDER_KILLS", "8"))):
        child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.3, 1.5))
        child.send_signal(signal.SIGKILL)
        child.wait()
    done = pair.load(place)
    assert done.returncode == 0, done.stderr
    pair.check()
