"""What files of requirements and locks name, and the sentences where they cannot be read."""

from pathlib import Path

import pytest

from app.config.requirement_files import rules_of_file
from app.filters.locks import LockError

ONE, TWO = "ab" * 32, "cd" * 32


def named(folder: Path, filename: str, text: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return name, specifiers and digests of what a file names."""
    path = folder / filename
    path.write_text(text)
    return [(rule.name.text, str(rule.specifiers), rule.hashes) for rule in rules_of_file(path)]


def test_a_file_of_requirements(tmp_path: Path) -> None:
    """Comments, continuations, extras, markers, digests, and options that name nothing."""
    text = f"""\
# a comment
--index-url https://example.org/simple
-i https://example.org/simple
--extra-index-url=https://example.org/simple
Six == 1.17.0 \\
    --hash=sha256:{ONE.upper()} \\
    --hash=sha256:{TWO}
Foo.Bar[extra]>=1,<2 ; python_version >= "3.9"  # why
plain --hash=sha512:abcd
"""
    expected = [
        ("six", "==1.17.0", (ONE, TWO)),
        ("foo-bar", "<2,>=1", ()),
        ("plain", "", ()),
    ]
    assert expected == named(tmp_path, "requirements.txt", text)


def test_files_that_lead_to_others(tmp_path: Path) -> None:
    """`-r` adds, `-c` only bounds what is named; both start at the file they stand in."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("-r deep.txt\nflask\n")
    (tmp_path / "more" / "deep.txt").write_text("jinja2")
    (tmp_path / "constraints.txt").write_text("flask<3\nunused==1\nsix!=1.16\n")
    text = "-r more/base.txt\n--constraint=constraints.txt\nsix>=1\n"
    expected = [("jinja2", "", ()), ("flask", "<3", ()), ("six", "!=1.16,>=1", ())]
    assert expected == named(tmp_path, "requirements.in", text)


def test_uv_lock(tmp_path: Path) -> None:
    """The project itself and what comes from elsewhere is no project of the index."""
    text = f"""
version = 1
[[package]]
name = "mine"
version = "0.1"
source = {{ editable = "." }}
[[package]]
name = "fork"
version = "1"
source = {{ git = "https://example.org/fork" }}
[[package]]
name = "six"
version = "1.17.0"
source = {{ registry = "https://pypi.org/simple" }}
sdist = {{ url = "https://example.org/six-1.17.0.tar.gz", hash = "sha256:{ONE}", size = 1 }}
wheels = [ {{ url = "https://example.org/six.whl", hash = "sha256:{TWO}" }} ]
"""
    assert [("six", "==1.17.0", (ONE, TWO))] == named(tmp_path, "uv.lock", text)


def test_pylock(tmp_path: Path) -> None:
    """PEP 751: hashes by algorithm; the version may be left out."""
    text = f"""
lock-version = "1.0"
[[packages]]
name = "six"
version = "1.17.0"
sdist = {{ name = "six-1.17.0.tar.gz", hashes = {{ sha256 = "{ONE}" }} }}
wheels = [ {{ name = "six.whl", hashes = {{ sha256 = "{TWO.upper()}", md5 = "x" }} }} ]
[[packages]]
name = "anything"
[[packages]]
name = "here"
directory = {{ path = "." }}
"""
    expected = [("six", "==1.17.0", (ONE, TWO)), ("anything", "", ())]
    assert expected == named(tmp_path, "pylock.toml", text)


def test_poetry_and_pdm_locks(tmp_path: Path) -> None:
    """Files of the entry, or, in older locks, all together at the end."""
    text = f"""
[[package]]
name = "Six"
version = "1.17.0"
files = [ {{ file = "six.whl", hash = "sha256:{ONE}" }}, {{ file = "x", hash = "md5:1" }} ]
[[package]]
name = "old"
version = "1"
[[package]]
name = "local"
version = "1"
[package.source]
type = "directory"
url = "../local"
[metadata.files]
old = [ {{ file = "old-1.tar.gz", hash = "sha256:{TWO}" }} ]
"""
    expected = [("six", "==1.17.0", (ONE,)), ("old", "==1", (TWO,))]
    assert expected == named(tmp_path, "poetry.lock", text)
    text = f"""
[metadata]
lock_version = "4.5.0"
[[package]]
name = "six"
version = "1.17.0"
files = [ {{ file = "six.whl", hash = "sha256:{ONE}" }} ]
"""
    assert [("six", "==1.17.0", (ONE,))] == named(tmp_path, "pdm.lock", text)


@pytest.mark.parametrize(
    ("filename", "text", "complaint"),
    [
        ("r.txt", "six ==", "r.txt:1: 'six ==' is no requirement of a project"),
        ("r.txt", "\n./folder", "r.txt:2: './folder' is no requirement of a project"),
        ("r.txt", "six @ https://example.org/six.whl", "is a URL, and no index has it"),
        ("r.txt", "-e .", "r.txt:1: '-e .' names no project of an index"),
        ("r.txt", "-r gone.txt", "gone.txt cannot be read: No such file or directory"),
        ("r.txt", "-r r.txt", "r.txt is included within itself"),
        ("uv.lock", "[[package]", "uv.lock is no TOML"),
        ("uv.lock", "a = 1", "uv.lock has no list of packages; is it a lock?"),
        ("uv.lock", "[[package]]\nversion = '1'", "uv.lock: package 1 has no name"),
        ("uv.lock", "[[package]]\nname = 'x'\nversion = 'y z'", "x has no version but 'y z'"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    tmp_path: Path, filename: str, text: str, complaint: str
) -> None:
    """With the file and the line."""
    with pytest.raises(LockError) as caught:
        named(tmp_path, filename, text)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    """Nor a folder, nor another encoding."""
    (tmp_path / "r.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(LockError, match=r"r\.txt is not UTF-8"):
        rules_of_file(tmp_path / "r.txt")
    with pytest.raises(LockError, match="cannot be read: Is a directory"):
        rules_of_file(tmp_path)
