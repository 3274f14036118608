"""Who takes over from whom when a release comes out."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scoring import Released, Transfer, inherit

SHARE = 0.8


def taken(old: str, new: str, heat: float = 1.0) -> list[tuple[str, str]]:
    """Return who takes over from whom, by file name; both are lists of file names."""
    known = [Released(number, name, heat, new=False) for number, name in enumerate(old.split())]
    fresh = [Released(number, name, 0.0, new=True) for number, name in enumerate(new.split(), 100)]
    names = {one.file: one.filename for one in (*known, *fresh)}
    found = inherit([*known, *fresh], SHARE)
    assert all(transfer.share == SHARE for transfer in found)
    return [(names[transfer.source], names[transfer.target]) for transfer in found]


def test_a_wheel_follows_the_wheel_of_the_same_tags() -> None:
    """And an sdist the sdist, whatever comes in between."""
    old = "a-1.0.tar.gz a-1.0-cp311-cp311-win_amd64.whl a-0.9-cp312-cp312-win_amd64.whl"
    new = "a-1.1.tar.gz a-1.1-cp311-cp311-win_amd64.whl a-1.1-cp312-cp312-win_amd64.whl"
    assert [
        ("a-1.0-cp311-cp311-win_amd64.whl", "a-1.1-cp311-cp311-win_amd64.whl"),
        ("a-0.9-cp312-cp312-win_amd64.whl", "a-1.1-cp312-cp312-win_amd64.whl"),
        ("a-1.0.tar.gz", "a-1.1.tar.gz"),
    ] == taken(old, new)


def test_versions_are_ordered_as_pep_440_says() -> None:
    """1.10 comes after 1.9."""
    assert [("a-1.10.tar.gz", "a-1.11.tar.gz")] == taken(
        "a-1.9.tar.gz a-1.10.tar.gz", "a-1.11.tar.gz"
    )


def test_a_backport_follows_its_own_line() -> None:
    """1.9.5, after 2.0 is out, takes over from 1.9.4."""
    old = "a-1.9.4.tar.gz a-2.0.tar.gz"
    assert [("a-1.9.4.tar.gz", "a-1.9.5.tar.gz")] == taken(old, "a-1.9.5.tar.gz")


@pytest.mark.parametrize("version", ["2.0a1", "2.0b1", "2.0rc1", "2.0.dev1", "2.0.post1.dev2"])
def test_a_pre_release_takes_nothing_from_a_stable_one(version: str) -> None:
    """Those who have the stable one do not ask for it."""
    assert [] == taken("a-1.9.tar.gz", f"a-{version}.tar.gz")


def test_pre_releases_and_stable_ones_follow_their_own_kind() -> None:
    """Whatever of the other kind comes in between."""
    old = "a-1.8.tar.gz a-1.9.tar.gz a-2.0b1.tar.gz"
    assert [("a-2.0b1.tar.gz", "a-2.0rc1.tar.gz")] == taken(old, "a-2.0rc1.tar.gz")
    assert [("a-1.9.tar.gz", "a-2.0.tar.gz")] == taken(old, "a-2.0.tar.gz")
    assert [("a-1.9.tar.gz", "a-1.9.post1.tar.gz")] == taken(old, "a-1.9.post1.tar.gz")


def test_of_several_new_releases_each_takes_over_from_the_one_before() -> None:
    """In the order of versions, so that the heat arrives at the last."""
    chain = [("a-1.0.tar.gz", "a-1.1.tar.gz"), ("a-1.1.tar.gz", "a-1.2.tar.gz")]
    assert chain == taken("a-1.0.tar.gz", "a-1.2.tar.gz a-1.1.tar.gz")


def test_what_is_new_and_took_nothing_has_nothing_to_hand_down() -> None:
    """A new project's first releases start from nothing."""
    assert [] == taken("", "a-1.0.tar.gz a-1.1.tar.gz")


def test_a_cold_predecessor_hands_nothing_down() -> None:
    """A transfer of nothing would make every release a candidate."""
    assert [] == taken("a-1.0.tar.gz", "a-1.1.tar.gz", heat=0.0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp311-cp311-manylinux_2_28_x86_64"),  # noqa: E501
        ("cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"),  # noqa: E501
        ("cp311-cp311-macosx_10_9_x86_64", "cp311-cp311-macosx_11_0_x86_64"),
        ("cp311-cp311-musllinux_1_1_aarch64", "cp311-cp311-musllinux_1_2_aarch64"),
        ("cp37-abi3-win_amd64", "cp39-abi3-win_amd64"),
        ("py2.py3-none-any", "py3-none-any"),
    ],
)  # fmt: skip
def test_a_newer_minimum_is_the_same_file_to_those_who_fetch_it(old: str, new: str) -> None:
    """A platform's oldest system, and a stable ABI's oldest Python, may move on."""
    pair = (f"a-1.0-{old}.whl", f"a-1.1-{new}.whl")
    assert [pair] == taken(*pair)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_17_aarch64"),
        ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-musllinux_1_2_x86_64"),
        ("cp311-cp311-win_amd64", "cp312-cp312-win_amd64"),
        ("cp313-cp313-win_amd64", "cp313-cp313t-win_amd64"),
        ("cp39-abi3-win_amd64", "cp39-cp39-win_amd64"),
        ("py2-none-any", "py3-none-any"),
        ("cp311-cp311-macosx_11_0_arm64", "cp311-cp311-macosx_11_0_universal2"),
    ],
)
def test_other_systems_and_pythons_are_other_files(old: str, new: str) -> None:
    """Each has clients of its own."""
    assert [] == taken(f"a-1.0-{old}.whl", f"a-1.1-{new}.whl")


def test_the_same_tags_come_before_like_ones() -> None:
    """Where a release has both, each follows its own, and an additional one nobody."""
    tags = [f"cp311-cp311-manylinux_2_{glibc}_x86_64.whl" for glibc in (17, 28, 34)]
    old = f"a-1.0-{tags[1]} a-1.0-{tags[0]}"
    pairs = [(f"a-1.0-{tag}", f"a-1.1-{tag}") for tag in tags[:2]]
    assert pairs == taken(old, " ".join(f"a-1.1-{tag}" for tag in tags))


def test_nobody_hands_down_twice_to_one_release() -> None:
    """A wheel that comes later than its like finds the heir already there."""
    tags = [f"cp311-cp311-manylinux_2_{glibc}_x86_64.whl" for glibc in (17, 28, 34)]
    old = f"a-1.0-{tags[0]} a-1.1-{tags[2]}"
    assert [] == taken(old, f"a-1.1-{tags[1]}")


def test_a_new_build_follows_the_build_before() -> None:
    """A build number decides between files of one version (binary distribution format)."""
    pair = ("a-1.0-py3-none-any.whl", "a-1.0-1-py3-none-any.whl")
    assert [pair] == taken(*pair)


@pytest.mark.parametrize(
    "name", ["a-1.0-py3-none.whl", "a-one.tar.gz", "a-1.0.exe", "a-1.0-x.whl", "a.whl", ".tar.gz"]
)
def test_names_that_tell_no_version_take_no_part(name: str) -> None:
    """They are left alone, and the others are not."""
    pair = ("a-1.0.tar.gz", "a-2.0.tar.gz")
    assert [pair] == taken(f"{name} {pair[0]}", f"{pair[1]} b-{name}")


NAMES = st.sampled_from(
    [
        f"a-{version}-{tag}"
        for version in ("1.0", "1.1", "1.2", "2.0a1", "2.0")
        for tag in ("py3-none-any.whl", "py2.py3-none-any.whl", "cp311-abi3-win_amd64.whl")
    ]
    + ["a-1.0.tar.gz", "a-1.1.zip", "a-1.1.tar.gz", "nonsense"]
)


@given(
    st.lists(st.builds(Released, st.integers(1, 99), NAMES, st.floats(0, 9), st.booleans()),
             unique_by=(lambda one: one.file, lambda one: one.filename)),
    st.randoms(),
)  # fmt: skip
def test_heat_is_moved_not_made(files: list[Released], random: Random) -> None:
    """The sum stays, each new file inherits at most once, in any order of input."""
    transfers = inherit(files, SHARE)
    heat = {one.file: one.heat for one in files}
    for transfer in transfers:
        moved = heat[transfer.source] * transfer.share
        heat[transfer.source] -= moved
        heat[transfer.target] += moved
    assert sum(one.heat for one in files) == pytest.approx(sum(heat.values()))
    targets = [transfer.target for transfer in transfers]
    assert len(set(targets)) == len(targets)
    assert set(targets) <= {one.file for one in files if one.new}
    random.shuffle(files)
    assert transfers == inherit(files, SHARE)


def test_a_transfer_says_who_gives_what_to_whom() -> None:
    """The share is of the source's heat as it is by then."""
    files = [Released(1, "a-1.tar.gz", 5.0, new=False), Released(2, "a-2.tar.gz", 0.0, new=True)]
    assert [Transfer(1, 2, 0.5)] == inherit(files, 0.5)
