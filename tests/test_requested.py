"""The ways to ask `fetch` for something."""

import pytest
from packaging.version import Version

from app.requested import Requested, RequestError, parse_requested, rounds


@pytest.mark.parametrize(
    ("text", "project", "requirement", "filename"),
    [
        ("numpy", "numpy", "numpy", None),
        ("Foo_Bar=1.10.0", "foo-bar", "Foo_Bar==1.10.0", None),
        ("numpy==1.10.0", "numpy", "numpy==1.10.0", None),
        ("torch>=2.4", "torch", "torch>=2.4", None),
        ("uvicorn[standard]=0.30", "uvicorn", "uvicorn[standard]==0.30", None),
        ("a===1", "a", "a===1", None),
        ("tomli; python_version<'3.11'", "tomli", "tomli; python_version<'3.11'", None),
        ("zope.interface", "zope-interface", "zope.interface", None),
        ("six-1.0-py3-none-any.whl", "six", "six==1.0", "six-1.0-py3-none-any.whl"),
        ("Flask-3.0.0.tar.gz", "flask", "flask==3.0.0", "Flask-3.0.0.tar.gz"),
    ],
)
def test_what_is_understood(
    text: str, project: str, requirement: str, filename: str | None
) -> None:
    """Names, one sign or two, specifiers, extras, markers, file names."""
    found = parse_requested(text)
    assert (project, requirement, filename) == (found.project, found.requirement, found.filename)


@pytest.mark.parametrize(
    "text", ["", "numpy==", "numpy>1 <", "a b", "six @ https://example.org/six.whl", "../x.whl"]
)
def test_what_is_not(text: str) -> None:
    """One sentence."""
    with pytest.raises(RequestError, match="is"):
        parse_requested(text)


def test_a_project_that_is_named_twice_has_two_rounds() -> None:
    """So two versions of it do not contradict each other; the very same is asked once."""
    asked = [parse_requested(one) for one in ("a==1", "b", "a==2", "a==1", "a==3")]
    texts = [[one.requirement for one in together] for together in rounds(asked)]
    assert [["a==1", "b"], ["a==2"], ["a==3"]] == texts


@pytest.mark.parametrize(
    ("requirement", "prereleases", "expected"),
    [("a", False, ["1", "2"]), ("a", True, ["1", "2", "3rc1"]), ("a>=3rc1", False, ["3rc1"])],
)
def test_versions_that_are_meant(
    requirement: str, *, prereleases: bool, expected: list[str]
) -> None:
    """Pre-releases where they are wanted, or named (PEP 440)."""
    known = [Version(one) for one in ("1", "2", "3rc1")]
    found: Requested = parse_requested(requirement)
    assert expected == [str(one) for one in found.admits(known, prereleases=prereleases)]
