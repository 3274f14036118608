"""Upstream's values, one kind at a time."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.names import InvalidNameError, parse_project
from app.pages import values
from app.pages.errors import PageError
from app.pages.values import Mark
from tests import strategies

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.none()),
    st.dictionaries(st.text(), st.none()),
)


def test_the_examples_are_true() -> None:
    """What the docstrings show is what happens."""
    assert 0 == doctest.testmod(values).failed


@given(ANYTHING)
def test_no_value_is_too_strange(value: object) -> None:
    """Every value is read as something or as unknown; only digests and versions refuse."""
    values.text(value)
    values.number(value)
    values.upload_time(value)
    values.yanked(value)
    values.companion(value)
    values.digests(value)


@pytest.mark.parametrize("value", [None, "", 5, True, [], {}])
def test_what_is_no_text_is_unknown(value: object) -> None:
    """Null and the empty text say nothing."""
    assert values.text(value) is None


def test_a_lone_surrogate_is_replaced() -> None:
    """What the standard library's JSON lets in can be written as UTF-8 afterwards."""
    assert "a?b" == values.text("a\ud800b")
    assert "é\0<" == values.text("é\0<")


@pytest.mark.parametrize("value", [None, True, -1, 2**63, 1.0, 1e300, "5", ""])
def test_what_is_no_size_is_unknown(value: object) -> None:
    """Only a whole number that a database can hold is a size or a serial."""
    assert values.number(value) is None


@pytest.mark.parametrize("value", [0, 1, 2**63 - 1])
def test_a_size_is_kept(value: int) -> None:
    """Nothing is a size too."""
    assert value == values.number(value)


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-06T07:08:09Z",
        "2024-05-06T07:08:09.1Z",
        "2024-05-06T07:08:09.123456Z",
        "2024-05-06T07:08:09+00:00",
    ],
)
def test_a_time_is_kept_byte_for_byte(value: str) -> None:
    """PEP 700's form, with up to six digits of a second, is not written anew."""
    assert value == values.upload_time(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        0,
        "2024-05-06",
        "2024-05-06T07:08:09",
        "2024-05-06 07:08:09Z",
        "2024-02-30T07:08:09Z",
        "2024-05-06T07:08:09.1234567Z",
        "2024-05-06T07:08:09Z\n",
        "٢٠٢٤-05-06T07:08:09Z",
        "yesterday",
    ],
)
def test_a_time_that_a_client_cannot_read_is_unknown(value: object) -> None:
    """One such time spoils the page in uv."""
    assert values.upload_time(value) is None


@given(strategies.upload_times)
def test_every_time_of_the_strategy_is_one(value: str) -> None:
    """Years, fractions and zones of PEP 700 are all kept."""
    assert value == values.upload_time(value)


@pytest.mark.parametrize(
    ("value", "mark"),
    [
        (None, False),
        (False, False),
        (True, True),
        ("", True),
        ("broken", "broken"),
        (" ", " "),
        ("false", "false"),
        (1, True),
        (0, False),
    ],
)
def test_the_mark_and_the_reason_survive(value: object, mark: Mark) -> None:
    """A yanked file is never offered unmarked, and its reason is upstream's."""
    assert mark is values.yanked(value) or mark == values.yanked(value)
    assert type(mark) is type(values.yanked(value))


def test_digests_are_lower_case_and_null_ones_left_out() -> None:
    """Upper-case digits and names are one digest; null and nothing are none."""
    found = values.digests(
        {"SHA256": "AB" * 32, "md5": None, "sha512": "", "blake2b_256": "CD" * 32}
    )
    assert {"sha256": "ab" * 32, "blake2b_256": "cd" * 32} == found
    assert {} == values.digests(None)
    assert {} == values.digests("sha256=" + "ab" * 32)


@pytest.mark.parametrize(
    "hashes",
    [
        {"sha256": "ab" * 31},
        {"sha256": "xy" * 32},
        {"md5": 5},
        {"sha512": ["a"]},
        {"sha1": "a" * 64},
    ],
)
def test_a_wrong_digest_is_refused(hashes: dict[str, object]) -> None:
    """A file with a digest that cannot be one can never be verified."""
    with pytest.raises(PageError, match="is not a digest of"):
        values.digests(hashes)


def test_a_hash_that_nobody_knows_is_passed_on_only_as_one() -> None:
    """An unknown name with hexadecimal digits stays; anything else goes."""
    odd = {"sha3_256": "ab", "crc": "xyz", 'x" onload="': "ab", "n": 5}
    assert {"sha3_256": "ab"} == values.digests(odd)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (False, None),
        (True, {}),
        ({}, {}),
        ({"sha256": None}, {}),
        ({"sha256": "AB" * 32}, {"sha256": "ab" * 32}),
        ({"sha256": "nonsense"}, None),
        ("true", None),
        (1, None),
    ],
)
def test_a_companion_is_announced_only_where_it_is_clear(
    value: object, expected: dict[str, str] | None
) -> None:
    """An announced `.metadata` file that is missing or another stops pip and uv."""
    assert expected == values.companion(value)


def test_unknown_keys_are_passed_on_as_they_are() -> None:
    """Data goes through, nested null included; what is null itself, or known, does not."""
    raw = {"x": {"y": [1, None]}, "z": None, "name": "six", "n": 0, "e": ""}
    assert {"x": {"y": [1, None]}, "n": 0, "e": ""} == values.data(raw, frozenset({"name"}))


def test_a_value_too_deep_to_write_is_left_out() -> None:
    """Every level that is kept can be written again, and looking never recurses."""
    deep: object = 1
    for _ in range(100_000):
        deep = {"a": [deep]}
    assert {"x": [[1]]} == values.data({"deep": deep, "x": [[1]]}, frozenset())


@pytest.mark.parametrize("name", ["six-1.0.tar.gz", "six-1!1.0+a~b.whl", "_x 1.zip"])
def test_a_file_name_is_kept(name: str) -> None:
    """Epochs, local versions and old names are file names."""
    assert name == values.file_name(name)


@pytest.mark.parametrize("name", [None, 5, ["six.whl"], "six-1.0-py3-none-any.whl.metadata"])
def test_what_is_no_distribution_is_refused(name: object) -> None:
    """A companion would stand where its file's own companion belongs (PEP 658)."""
    with pytest.raises(PageError):
        values.file_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        ".hidden.whl",
        "a/b.whl",
        "a\0.whl",
        "\u0085.whl",
        "a\u202e.whl",
        "é" * 115 + ".whl",
        "x" * 231,
    ],
)
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    """The parser of file names decides."""
    with pytest.raises(InvalidNameError):
        values.file_name(name)


def test_a_page_may_write_its_name_as_it_likes() -> None:
    """Names are compared normalised (PEP 503)."""
    values.check_name("Flask_SQLAlchemy", parse_project("flask-sqlalchemy"))


@pytest.mark.parametrize("name", ["flask", "", "flask sqlalchemy", "<script>"])
def test_a_page_of_another_project_is_refused(name: str) -> None:
    """Another name, or none, is not the page that was asked for."""
    with pytest.raises(PageError, match="not of 'flask-sqlalchemy'"):
        values.check_name(name, parse_project("flask-sqlalchemy"))


@pytest.mark.parametrize("version", [None, "1.0", "1.4", "1.99", " 1.1 ", 1.0, 1, "1"])
def test_every_minor_version_is_read(version: object) -> None:
    """PEP 629: a client warns of a greater minor version at most."""
    values.check_version(version)


@pytest.mark.parametrize("version", ["2.0", "0.9", "10.0", "", "one", True, 2, 2.0, [1, 0], {}])
def test_another_major_version_is_refused(version: object) -> None:
    """PEP 629: a client must not read what it does not know."""
    with pytest.raises(PageError, match="API version"):
        values.check_version(version)
