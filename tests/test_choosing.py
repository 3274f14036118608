"""Which files targets can use."""

import pytest

from app.choosing import Kinds, Target, parse_targets, usable
from app.model import File
from app.names import parse_filename, path_from_digest

LINUX = Target("3.11", "linux-x86_64")
MAC = Target("3.12", "macos-arm64")
WINDOWS = Target("3.9", "windows-amd64")


def file(name: str, requires_python: str | None = None) -> File:
    """Return a file of a page."""
    filename = parse_filename(name)
    return File(filename, path_from_digest("ab" * 32, filename), requires_python=requires_python)


@pytest.mark.parametrize(
    ("name", "linux", "mac", "windows"),
    [
        ("a-1-py3-none-any.whl", True, True, True),
        ("a-1-py2-none-any.whl", False, False, False),
        ("a-1.tar.gz", True, True, True),
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", True, False, False),
        ("a-1-cp311-cp311-musllinux_1_2_x86_64.whl", False, False, False),
        ("a-1-cp311-cp311-manylinux2014_aarch64.whl", False, False, False),
        ("a-1-cp38-abi3-manylinux1_x86_64.whl", True, False, False),
        ("a-1-cp312-abi3-manylinux1_x86_64.whl", False, False, False),
        ("a-1-cp312-cp312-macosx_11_0_universal2.whl", False, True, False),
        ("a-1-cp311-cp311-macosx_11_0_arm64.whl", False, False, False),
        ("a-1-cp39-cp39-win_amd64.whl", False, False, True),
        # In the name, and not a tag: `win` and `cp39` say nothing there.
        ("win_cp39-1-cp311-cp311-manylinux1_x86_64.whl", True, False, False),
        ("a-1.win-amd64-py3.9.exe", False, False, False),
        ("a-1-py3.9.egg", False, False, False),
    ],
)
def test_a_wheel_is_for_whom_its_tags_name(
    name: str, *, linux: bool, mac: bool, windows: bool
) -> None:
    """By PEP 425's tags; an sdist is for all."""
    found = [bool(list(usable([file(name)], [one]))) for one in (LINUX, MAC, WINDOWS)]
    assert [linux, mac, windows] == found


def test_python_and_platform_are_one_target() -> None:
    """What fits the Python of one and the platform of another fits neither."""
    mixed = file("a-1-cp39-cp39-macosx_11_0_arm64.whl")
    assert [] == list(usable([mixed], [MAC, WINDOWS]))


def test_kinds() -> None:
    """Wheels alone, sdists alone."""
    files = [file("a-1-py3-none-any.whl"), file("a-1.tar.gz")]
    assert files == list(usable(files, [LINUX]))
    assert files[:1] == list(usable(files, [LINUX], Kinds.WHEELS))
    assert files[1:] == list(usable(files, [LINUX], Kinds.SDISTS))


@pytest.mark.parametrize(
    ("requires", "python", "patch", "fits"),
    [
        (None, "3.9", None, True),
        (">=3.9", "3.9", None, True),
        (">=3.9.2", "3.9", None, True),
        (">=3.9.2", "3.9", 1, False),
        ("<3.9.5", "3.9", None, True),
        ("!=3.9.0", "3.9", None, True),
        (">=3.10", "3.9", None, False),
        ("<4,>=3.8", "3.13t", None, True),
        ("nonsense", "3.9", None, True),
    ],
)
def test_requires_python(
    requires: str | None, python: str, patch: int | None, *, fits: bool
) -> None:
    """A target without a patch level is any of them."""
    target = Target(python, "linux-x86_64", patch)
    assert fits is bool(list(usable([file("a-1.tar.gz", requires)], [target])))


def test_every_python_is_on_every_platform() -> None:
    """In order, each once."""
    found = parse_targets(["3.12", "3.9.18", "3.13t", "3.12"], ["windows-amd64", "linux-x86_64"])
    assert [
        "Python 3.9.18 on linux-x86_64",
        "Python 3.9.18 on windows-amd64",
        "Python 3.12 on linux-x86_64",
        "Python 3.12 on windows-amd64",
        "Python 3.13t on linux-x86_64",
        "Python 3.13t on windows-amd64",
    ] == [str(one) for one in found]
    assert "3.13" == Target("3.13t", "linux-x86_64").version


@pytest.mark.parametrize("text", ["2.7", "3", "3.x", "pypy3.10", "3.9.18t", ""])
def test_what_is_no_python(text: str) -> None:
    """It is said, and nothing is guessed."""
    with pytest.raises(ValueError, match=r"Python|CPython"):
        parse_targets([text], ["linux-x86_64"])
