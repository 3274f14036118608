"""Core metadata out of wheels, good and bad."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wheels import WheelError, read_metadata
from tests.fake_pypi import make_sdist, make_wheel


def test_the_metadata_is_that_of_the_wheel() -> None:
    """Byte for byte what PEP 658 would have beside it."""
    wheel = make_wheel("six", "1.0", ["idna>=2"], padding=100_000)
    assert wheel.metadata == read_metadata(io.BytesIO(wheel.content))


def test_only_a_little_of_a_large_wheel_is_read() -> None:
    """The archive's directory, and the one member."""

    class Counting(io.BytesIO):
        """A stream that knows how much was read of it."""

        count = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.count += len(data)
            return data

    stream = Counting(make_wheel("six", "1.0", padding=5_000_000).content)
    read_metadata(stream)
    assert stream.count < 100_000


def archive(*names: str) -> bytes:
    """Return a zip archive with files of these names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name in names:
            made.writestr(name, "Name: x")
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip",
        make_sdist("six", "1.0").content,
        archive("six/METADATA"),
        archive("deep/six-1.0.dist-info/METADATA"),
        archive("six-1.0.dist-info/METADATA", "idna-1.0.dist-info/METADATA"),
        make_wheel("six", "1.0").content[:-30],
    ],
)
def test_what_is_no_wheel_is_said_so(content: bytes) -> None:
    """One error, whatever is wrong."""
    with pytest.raises(WheelError):
        read_metadata(io.BytesIO(content))


@given(st.integers(0, 600), st.binary(min_size=1, max_size=8))
def test_damage_is_an_error_or_does_no_harm(place: int, damage: bytes) -> None:
    """Nothing else than WheelError is raised."""
    content = bytearray(make_wheel("six", "1.0").content)
    content[place : place + len(damage)] = damage
    try:
        read_metadata(io.BytesIO(bytes(content)))
    except WheelError:
        return
