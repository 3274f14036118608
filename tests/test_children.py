"""Tests of the register of what `up` has started."""

from pathlib import Path

import pytest

from jobs.children import Pauses, Register


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


def test_what_ends_again_and_again_waits_longer_each_time() -> None:
    """A child that cannot start must not spin; one that lived for a while starts afresh."""
    pauses = Pauses(shortest=1, longest=30, steady=60)
    lives = [3, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 60, 1]
    assert [1, 2, 4, 8, 16, 30, 30, 1, 2] == [pauses.next("app", lived) for lived in lives]
    assert 1 == pauses.next("nginx", 0.5)
