"""Tests of the register of what `up` has started."""

from pathlib import Path

import pytest

from jobs.children import Register


def test_only_a_change_is_written(tmp_path: Path) -> None:
    """On a full disk nothing has to be written while nothing changes."""
    path = tmp_path / "children.json"
    register = Register(path)
    register.write([1, 2])
    path.unlink()
    register.write([1, 2])
    assert not path.exists()
    register.write([1])
    assert path.exists()


def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    """A failure is no change that has been noted."""
    folder = tmp_path / "run"
    register = Register(folder / "children.json")
    with pytest.raises(OSError, match="No such file"):
        register.write([1])
    folder.mkdir()
    register.write([1])
    assert (folder / "children.json").exists()


def test_a_register_that_was_removed_is_written_anew(tmp_path: Path) -> None:
    """And to remove it twice is no fault."""
    path = tmp_path / "children.json"
    register = Register(path)
    register.write([1])
    register.remove()
    register.remove()
    assert not path.exists()
    register.write([1])
    assert path.exists()
