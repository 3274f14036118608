"""Files that are no configuration at all: any bytes, any YAML, and what costs time."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.config import ConfigError, load
from app.config.document import DocumentError, compose, read_body
from app.config.table import KEYS, SECTIONS

_WORDS = sorted({part.removesuffix("[]") for key in KEYS for part in key.name.split(".")})
_TOKENS = st.sampled_from(
    [
        *_WORDS,
        *"-?:,[]{}#&*!|>'\"%@`~= \n\t\\",
        ": ",
        "- ",
        "\n  ",
        "\n    - ",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "!x ",
        "!!python/name:os.system ",
        "%YAML 1.1\n",
        "---\n",
        "...\n",
        "null",
        "302",
        "010",
        "12:30",
        "on",
        "512g",
        "5m",
        "/srv/x",
        "\\U",
        "\\ud800",
        "\x85",
        "\u2028",
        "é",
    ]
)
yaml_like = st.lists(_TOKENS, max_size=40).map("".join)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["302", "1g", "5m", ":80", "10.0.0.0/8", "https://example.org", ".", "x/y"])
)
# The right shape with wrong values, and the wrong shape with right keys.
nearly_right = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_WORDS) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=30,
)
_SHARED_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(body: bytes, folder: Path) -> None:
    """Load a file: it may be a configuration, or an error that can be printed."""
    path = folder / "mirror.yaml"
    path.write_bytes(body)
    try:
        load(path)
    except ConfigError as error:
        found = error
    else:
        return
    lines = str(found).splitlines()
    assert len(found.problems) == len(lines)
    assert all(line.isprintable() for line in lines)
    assert sorted(found.problems) == list(found.problems)


@given(body=st.binary())
@_SHARED_FOLDER
def test_any_bytes_are_a_file_or_an_error(body: bytes, tmp_path: Path) -> None:
    """No bytes end in a traceback."""
    check(body, tmp_path)


@given(text=st.text() | yaml_like)
@_SHARED_FOLDER
def test_any_text_is_a_file_or_an_error(text: str, tmp_path: Path) -> None:
    """No text does, however close to YAML."""
    check(text.encode("utf-8", "surrogatepass"), tmp_path)


@given(value=nearly_right)
@_SHARED_FOLDER
def test_any_value_is_a_file_or_an_error(value: object, tmp_path: Path) -> None:
    """No YAML does, however close to a configuration."""
    check(json.dumps(value).encode(), tmp_path)


_LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 15)
)


@pytest.mark.parametrize(
    "text",
    [
        _LAUGHS,
        f"{_LAUGHS}trusted_proxies: *a14\nupstream: *a14\nlisten: *a14\n",
        "a: &a {" + ", ".join(f"k{n}: 1" for n in range(5000)) + "}\nip_modes:\n  rules: ["
        + "*a, " * 10000 + "]\n",
        "ip_modes:\n  rules: &a [*a, *a]\n",
        "&a cache: &b {cache: *b, tiers: &c [*c, *b]}\n",
        "&a [*a]",
        "[" * 100000,
        "a: " * 40000,
        "{a: " * 30000,
        "- " * 60000,
        "\n".join(" " * depth + "a:" for depth in range(450)),
        f"prefix: /{'a/' * 60000}\n",
        f"listen: {'a-' * 60000}:80\n",
        f"upstream: {{pypi_url: 'https://{'a.' * 50000}/'}}\n",
        f"cache: {{size_limit: {'9' * 100000}}}\n",
        f"{'x' * 100000}: 1\n",
        "".join(f"{'cache' * 10}{n}: 1\n" for n in range(2000)),
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_no_small_file_takes_long(text: str, tmp_path: Path) -> None:
    """Aliases are never copied, nesting and repetition are bounded."""
    start = time.process_time()
    check(text.encode(), tmp_path)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("body", "place", "hint"),
    [
        (b"", (1, 1), "is empty"),
        (b"# nothing\n", (1, 1), "is empty"),
        (b"- a\n", (1, 1), "has no keys"),
        (b"\n  text\n", (2, 3), "has no keys"),
        (b"a: 1\nb: \xff\n", (2, 4), "not UTF-8"),
        (b"\xff\xfea\x00", (1, 1), "not UTF-8"),
        ("ä: ö\x00".encode(), (1, 5), "control character"),
        (b"a: 1\n\tb: 2\n", (2, 1), "a tab"),
        (b"a: b: c\n", (1, 5), "no key can stand here"),
        (b"a: *b\n", (1, 4), "no anchor"),
        (b"a: @b\n", (1, 4), "put it in quotes"),
        (b"listen: [::1]:80\n", (1, 14), "put all of it in quotes"),
        (b"a: 1\n---\nb: 2\n", (2, 1), "second document"),
        (b"a: 1\nb: '\n", (3, 1), "not YAML: found unexpected end of stream"),
        (b'a: 1\nb: "\\UFFFFFFFF"\n', (2, 5), "no character has this number"),
        (b"!!python/object/apply:os.system {a: b}\n", (1, 1), "the tag '!!python/"),
    ],
)
def test_a_file_that_is_no_yaml_says_so(body: bytes, place: tuple[int, int], hint: str) -> None:
    """With the place, and what to do."""
    with pytest.raises(DocumentError, match=hint) as caught:
        compose(body)
    assert place == caught.value.place


def test_a_byte_order_mark_is_allowed() -> None:
    """Some editors write one."""
    assert compose(b"\xef\xbb\xbfa: 1\n") is not None


def test_a_tag_creates_nothing(tmp_path: Path) -> None:
    """Neither a file nor an object."""
    path = tmp_path / "mirror.yaml"
    path.write_text(f"repo_path: !!python/object/apply:os.mkdir ['{tmp_path}/made']\n")
    with pytest.raises(ConfigError, match="means nothing here"):
        load(path)
    assert not (tmp_path / "made").exists()


def test_a_folder_or_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """What cannot be a configuration is refused before it is parsed."""
    with pytest.raises(DocumentError, match="is a folder"):
        read_body(tmp_path)
    with pytest.raises(DocumentError, match="larger than 128 KiB"):
        read_body(Path("/dev/zero"))
    with pytest.raises(DocumentError, match="cannot be read"):
        read_body(tmp_path / ("x" * 300))
    with pytest.raises(DocumentError, match="cannot be read"):
        read_body(Path("a\0b"))


def test_every_key_has_a_section() -> None:
    """The table has no key without a place in the reference."""
    assert set(SECTIONS) >= {key.section for key in KEYS}
