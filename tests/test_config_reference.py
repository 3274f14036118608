"""docs/configuration.md and the command that checks a file."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from app.config import ConfigError, load
from app.config.kinds import Key
from app.config.reference import example, reference
from app.config.table import KEYS, SECTIONS

ROOT = Path(__file__).parents[1]


def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run `python -m app.config`."""
    return subprocess.run(
        [sys.executable, "-m", "app.config", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_the_page_is_in_step_with_the_table() -> None:
    """`python -m app.config --reference > docs/configuration.md` writes it anew."""
    assert reference() == (ROOT / "docs" / "configuration.md").read_text()


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_key_is_explained(key: Key[object]) -> None:
    """With a meaning of whole sentences."""
    assert key.meaning.endswith(".")
    assert not key.meaning[0].islower()
    assert f"| `{key.word}` | {key.kind.name} |" in reference()


def test_every_example_is_right(tmp_path: Path) -> None:
    """Put together they are a file whose only faults are paths that are not on this disk."""
    whole: dict[str, object] = {}
    yaml = YAML(typ="safe", pure=True)
    for section in SECTIONS:
        for word, content in yaml.load(example(section)).items():
            known = whole.setdefault(word, content)
            if isinstance(known, dict):
                known |= content
    path = tmp_path / "mirror.yaml"
    with path.open("w") as stream:
        yaml.dump(whole, stream)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert [] == [p.message for p in caught.value.problems if "does not exist" not in p.message]


def test_a_good_file_is_silent(tmp_path: Path) -> None:
    """Exit code 0, as Ansible's `validate` wants it."""
    path = tmp_path / "mirror.yaml"
    path.write_text("repo_path: .\ncache: {size_limit: 1g}\n")
    done = run([str(path)])
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_a_bad_file_ends_in_2(tmp_path: Path) -> None:
    """With the problems on standard error, as everywhere."""
    path = tmp_path / "mirror.yaml"
    path.write_text("repo_path: .\ndatabse: x\ncache: {size_limit: 1g}\n")
    done = run([str(path)])
    message = f"{path}:2:1: unknown key 'databse'; did you mean 'database'?\n"
    assert (2, "", message) == (done.returncode, done.stdout, done.stderr)


def test_the_command_prints_the_reference() -> None:
    """And wants one of the two."""
    assert reference() == run(["--reference"]).stdout
    assert 2 == run([]).returncode
