"""Core metadata from upstream: beside the wheel, or out of it."""

import pytest

from app.upstream import NoSuchFile, UpstreamUntrusted
from tests.fake_pypi import FakePypi, IgnoreRange, Replaced, Status, WrongRange, make_wheel
from tests.fake_pypi.asking import asking

WHEEL = make_wheel("six", "1.0", ["idna"], padding=300_000)


def test_it_is_taken_from_beside_the_wheel(fake_pypi: FakePypi) -> None:
    """One request (PEP 658)."""
    file = fake_pypi.add(WHEEL)
    with asking(fake_pypi) as upstream:
        assert WHEEL.metadata == upstream.core_metadata(fake_pypi.packages_url + file.path)
    assert len(fake_pypi.requests) == 1


def test_what_is_not_there_is_read_out_of_the_wheel(fake_pypi: FakePypi) -> None:
    """By ranges: the wheel is not fetched whole."""
    file = fake_pypi.add(WHEEL)
    fake_pypi.inject(Status(404), at="*.metadata")
    with asking(fake_pypi) as upstream:
        assert WHEEL.metadata == upstream.core_metadata(fake_pypi.packages_url + file.path)
    ranges = [one.headers["range"] for one in fake_pypi.requests if "range" in one.headers]
    assert 1 <= len(ranges) <= 2


@pytest.mark.parametrize("fault", [IgnoreRange(), WrongRange()])
def test_a_host_without_right_ranges_is_not_believed(fake_pypi: FakePypi, fault: object) -> None:
    """A part of another place is no metadata."""
    file = fake_pypi.add(WHEEL)
    fake_pypi.inject(fault, at="*.whl")  # type: ignore[arg-type]
    fake_pypi.inject(Status(404), at="*.metadata")
    with asking(fake_pypi) as upstream, pytest.raises(UpstreamUntrusted):
        upstream.core_metadata(fake_pypi.packages_url + file.path)


def test_a_file_that_is_no_wheel_is_said_so(fake_pypi: FakePypi) -> None:
    """Its bytes are somebody's mistake."""
    file = fake_pypi.add_file("six", "six-2-py3-none-any.whl", b"no zip at all")
    with asking(fake_pypi) as upstream, pytest.raises(UpstreamUntrusted, match="no wheel"):
        upstream.core_metadata(fake_pypi.packages_url + file.path)


def test_endless_metadata_is_cut_off(fake_pypi: FakePypi) -> None:
    """A lying upstream fills no memory."""
    file = fake_pypi.add(WHEEL)
    fake_pypi.inject(Replaced(b"x" * (9 << 20)), at="*.metadata")
    with asking(fake_pypi) as upstream, pytest.raises(UpstreamUntrusted, match="more than"):
        upstream.core_metadata(fake_pypi.packages_url + file.path)


def test_a_wheel_that_is_not_there_has_none(fake_pypi: FakePypi) -> None:
    """Both are missing."""
    file = fake_pypi.add(WHEEL)
    fake_pypi.vanish(file)
    with asking(fake_pypi) as upstream, pytest.raises(NoSuchFile):
        upstream.core_metadata(fake_pypi.packages_url + file.path)
