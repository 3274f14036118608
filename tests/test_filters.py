"""Verdicts of filters: tables of cases, with those that other mirrors got wrong."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.filters import (
    Ages,
    Facts,
    FileRules,
    Filters,
    Judge,
    Judgement,
    MetadataRules,
    ProjectRules,
    ReleaseRules,
    Waiver,
    parse_file_pattern,
    parse_rule,
    parse_text_pattern,
)
from app.filters.texts import Rule
from app.model import File, Project
from app.names import Filename, FilePath, ProjectName

NOW = 1_800_000_000
DAY = 86_400
HASH = "ab" * 32


def file(name: str, **known: Any) -> File:  # noqa: ANN401  the fields of a File
    """Return a file of an upstream's page."""
    digest = known.pop("sha256", HASH)
    return File(Filename(name), FilePath(f"aa/bb/{name}"), {"sha256": digest}, **known)


def judged(filters: Filters, *names: str | File, project: str = "six") -> Judgement:
    """Return what becomes of a project with these files."""
    files = tuple(file(one) if isinstance(one, str) else one for one in names)
    return Judge(filters).judge(Project(ProjectName(project), files), None, NOW)


def shown(filters: Filters, *names: str | File, project: str = "six") -> list[str]:
    """Return the names of the files that are listed."""
    return [one.filename for one in judged(filters, *names, project=project).shown]


def rules(*texts: str) -> tuple[Rule, ...]:
    """Return rules from their texts."""
    return tuple(map(parse_rule, texts))


@pytest.mark.parametrize(
    ("rule", "name", "matches"),
    [
        # A name is all of the name, in any spelling (PEP 503).
        ("Django", "django", True),
        ("zope.interface", "zope-interface", True),
        ("django", "django-cors-headers", False),
        # A glob too: `match` where users expect the whole is what others got wrong.
        ("django*", "django-cors-headers", True),
        ("django*", "my-django", False),
        ("*-stubs", "pandas-stubs", True),
        ("*-stubs", "pandas-stubs-extra", False),
        ("a?c", "abc", True),
        ("a?c", "abbc", False),
        # A regular expression is looked for, anchored as it is written.
        ("/django/", "my-django-x", True),
        ("/^django/", "my-django", False),
        ("/^django/", "django-x", True),
        ("/^django$/", "django-x", False),
        ("/^(flask|six)$/", "six", True),
    ],
)
def test_names_match_as_written(rule: str, name: str, matches: bool) -> None:  # noqa: FBT001
    """A name and a glob are the whole of it, a regular expression what it says."""
    allow = Judge(Filters(ProjectRules(allow=rules(rule))))
    deny = Judge(Filters(ProjectRules(deny=rules(rule))))
    assert matches == allow.project_by_name(name).shown
    assert matches != deny.project_by_name(name).shown


def test_names_are_those_that_are_spelled_out_and_not_denied() -> None:
    """What `index.projects: listed` asks for without a list; globs need one."""
    judge = Judge(Filters(ProjectRules(allow=rules("six", "Flask>=2"), deny=rules("six"))))
    assert (frozenset({"flask"}), False) == (judge.names, judge.open)
    assert Judge(Filters(ProjectRules(allow=rules("six", "s*")))).open
    assert Judge(Filters()).open


def test_deny_is_stronger_than_allow() -> None:
    """What is in both is hidden, and the verdict names the rule."""
    judge = Judge(Filters(ProjectRules(allow=rules("six"), deny=rules("s*"))))
    verdict = judge.project_by_name("six")
    expected = (False, "filters.projects.deny", "s* denies six")
    assert expected == (verdict.shown, verdict.rule, verdict.reason)


RELEASES = ("six-1.9.tar.gz", "six-1.10-py3-none-any.whl", "six-2.0rc1.tar.gz")


@pytest.mark.parametrize(
    ("allow", "deny", "expected"),
    [
        (["six>=1.10"], [], ["six-1.10-py3-none-any.whl", "six-2.0rc1.tar.gz"]),
        (["six>=1.10,<2"], [], ["six-1.10-py3-none-any.whl", "six-2.0rc1.tar.gz"]),
        (["six==1.9", "six==1.10"], [], ["six-1.9.tar.gz", "six-1.10-py3-none-any.whl"]),
        (
            ["six==1.9", "six"],
            [],
            ["six-1.9.tar.gz", "six-1.10-py3-none-any.whl", "six-2.0rc1.tar.gz"],
        ),
        ([], ["six<1.10"], ["six-1.10-py3-none-any.whl", "six-2.0rc1.tar.gz"]),
        (["six"], ["s*>=2.0rc0"], ["six-1.9.tar.gz", "six-1.10-py3-none-any.whl"]),
        (["six~=1.9"], ["six==1.10"], ["six-1.9.tar.gz"]),
    ],
)
def test_specifiers_choose_releases(allow: list[str], deny: list[str], expected: list[str]) -> None:
    """1.10 comes after 1.9 (PEP 440), and pre-releases are another filter's business."""
    filters = Filters(ProjectRules(allow=rules(*allow), deny=rules(*deny)))
    if allow == ["six>=1.10,<2"]:
        # PEP 440: "<V MUST NOT allow a pre-release of the specified version".
        expected = expected[:1]
    assert expected == shown(filters, *RELEASES)


@pytest.mark.parametrize(
    ("version", "final"),
    [
        ("1.0", True),
        ("1.0.post1", True),
        ("1.0+local", True),
        ("1!2.0", True),
        # All spellings of PEP 440, which regular expressions of others miss.
        ("1.0a", False),
        ("1.0a1", False),
        ("1.0alpha1", False),
        ("1.0b2", False),
        ("1.0c1", False),
        ("1.0rc1", False),
        ("1.0pre1", False),
        ("1.0preview2", False),
        ("1.0_beta_3", False),
        ("1.0.dev3", False),
        ("1.0.post1.dev2", False),
        # No version of PEP 440's: nobody knows, so it is out, with the reason.
        ("1.0-final-really", False),
    ],
)
def test_prereleases_are_told_by_pep_440(version: str, final: bool) -> None:  # noqa: FBT001
    """Whatever the spelling; and projects may be excepted."""
    name = f"six-{version}.tar.gz"
    plain = Filters(releases=ReleaseRules(prereleases=False))
    assert ([name] if final else []) == shown(plain, name)
    excepted = Filters(releases=ReleaseRules(prereleases=False, prereleases_of=rules("six")))
    known = version != "1.0-final-really"
    assert ([name] if known else []) == shown(excepted, name)


def test_prereleases_of_some_releases() -> None:
    """An exception may be for some releases alone."""
    filters = Filters(releases=ReleaseRules(prereleases=False, prereleases_of=rules("six>=2.0a0")))
    assert ["six-2.0b1.tar.gz"] == shown(filters, "six-1.9b1.tar.gz", "six-2.0b1.tar.gz")


@pytest.mark.parametrize(
    ("name", "pythons", "platforms", "abis", "listed"),
    [
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "3.11", "", "", True),
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.whl", "3.12", "", "", False),
        # Not by substring: `cp31` is no part of `cp311`, nor is 3.1 of 3.11.
        ("a-1-cp311-cp311-win_amd64.whl", "3.1", "", "", False),
        ("a-1-cp31-cp31m-win_amd64.whl", "3.11", "", "", False),
        # The stable ABI is for later Pythons too, and not for earlier ones.
        ("a-1-cp37-abi3-win_amd64.whl", "3.12", "", "", True),
        ("a-1-cp312-abi3-win_amd64.whl", "3.11", "", "", False),
        ("a-1-cp313-cp313t-win_amd64.whl", "3.13", "", "", False),
        ("a-1-cp313-cp313t-win_amd64.whl", "3.13t", "", "", True),
        ("a-1-pp310-pypy310_pp73-win_amd64.whl", "pypy3.10", "", "", True),
        ("a-1-pp310-pypy310_pp73-win_amd64.whl", "3.10", "", "", False),
        ("a-1-py3-none-any.whl", "3.12", "linux-x86_64", "", True),
        ("a-1-py2.py3-none-any.whl", "3.12", "", "", True),
        ("a-1-py2-none-any.whl", "3.12", "", "", False),
        ("a-1-py38-none-any.whl", "3.12", "", "", True),
        ("a-1-cp311-cp311-manylinux1_x86_64.whl", "", "linux-x86_64", "", True),
        ("a-1-cp311-cp311-linux_armv7l.whl", "", "linux-armv7l", "", True),
        ("a-1-cp311-cp311-musllinux_1_2_x86_64.whl", "", "linux-x86_64", "", False),
        ("a-1-cp311-cp311-musllinux_1_2_x86_64.whl", "", "musllinux-x86_64", "", True),
        ("a-1-cp311-cp311-macosx_11_0_arm64.whl", "", "macos-arm64", "", True),
        ("a-1-cp311-cp311-macosx_10_9_universal2.whl", "", "macos-arm64", "", True),
        ("a-1-cp311-cp311-macosx_10_9_x86_64.whl", "", "macos-arm64", "", False),
        # `win` is a part of `darwin`, `x86` of `x86_64`, in filters by substring.
        ("a-1-cp311-cp311-win32.whl", "", "windows-x86", "", True),
        ("a-1-cp311-cp311-win_amd64.whl", "", "windows-x86", "", False),
        ("a-1-cp311-cp311-win_amd64.whl", "", "windows-amd64", "", True),
        ("darwin-1-py3-none-any.whl", "", "linux-x86_64", "", True),
        ("win32-1-cp311-cp311-linux_x86_64.whl", "", "linux-x86_64", "", True),
        ("a-1-cp312-abi3-win_amd64.whl", "", "", "abi3", True),
        ("a-1-cp312-cp312-win_amd64.whl", "", "", "abi3", False),
        ("a-1-5-cp312-cp312-win_amd64.whl", "3.12", "", "", True),
        ("nonsense.whl", "3.12", "", "", False),
        # An sdist is for whoever can build it.
        ("a-1.tar.gz", "3.12", "linux-x86_64", "cp312", True),
        ("a-1.zip", "3.12", "", "", True),
    ],
)
def test_wheels_are_chosen_by_their_tags(
    name: str,
    pythons: str,
    platforms: str,
    abis: str,
    listed: bool,  # noqa: FBT001
) -> None:
    """By PEP 425's tags, never by a part of the name; sdists are not concerned."""
    filters = Filters(
        files=FileRules(
            pythons=(pythons,) if pythons else (),
            platforms=(platforms,) if platforms else (),
            abis=(abis,) if abis else (),
        )
    )
    assert ([name] if listed else []) == shown(filters, name, project="a")


FORMS = (
    "six-1.0-py3-none-any.whl",
    "six-1.0.tar.gz",
    "six-1.0.zip",
    "six-1.0-py2.7.egg",
    "six-1.0.win32-py2.7.exe",
    "six-1.0.linux-x86_64.tar.gz",
)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("wheel",), FORMS[:1]),
        (("sdist",), FORMS[1:3]),
        (("wheel", "sdist"), FORMS[:3]),
        (("other",), FORMS[3:]),
    ],
)
def test_files_are_chosen_by_kind(kinds: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """Wheels, sdists, and what there was before them."""
    assert list(expected) == shown(Filters(files=FileRules(kinds=kinds)), *FORMS)


@pytest.mark.parametrize(
    ("allow", "deny", "expected"),
    [
        (["*.whl"], [], FORMS[:1]),
        ([], ["*.exe", "*.egg"], (*FORMS[:3], FORMS[5])),
        # Looked for anywhere: anchored only where it says so.
        (["/1.0.t/"], [], FORMS[1:2]),
        ([], ["/^six/"], ()),
        ([], ["six"], FORMS),
        (["six-1.0.zip"], [], FORMS[2:3]),
    ],
)
def test_files_are_chosen_by_pattern(
    allow: list[str], deny: list[str], expected: tuple[str, ...]
) -> None:
    """Globs are for the whole name, regular expressions for what they say."""
    files = FileRules(
        allow=tuple(map(parse_file_pattern, allow)), deny=tuple(map(parse_file_pattern, deny))
    )
    assert list(expected) == shown(Filters(files=files), *FORMS)


def test_sizes_and_digests() -> None:
    """A size that nobody tells is not too large; a digest is denied whatever the name."""
    large = file("six-2.tar.gz", size=11)
    filters = Filters(files=FileRules(max_size=10, deny_sha256=frozenset({"cd" * 32})))
    denied = file("six-3.tar.gz", sha256="cd" * 32, size=1)
    assert ["six-1.tar.gz"] == shown(filters, "six-1.tar.gz", large, denied)
    verdict = judged(filters, denied).files[0].verdict
    assert "filters.files.deny_sha256" == verdict.rule


def test_yanked_files_go_if_they_shall() -> None:
    """With a reason or without one (PEP 592); by default they stay, marked."""
    files = (file("six-1.tar.gz", yanked=True), file("six-2.tar.gz", yanked="bad"), "six-3.tar.gz")
    assert 3 == len(shown(Filters(), *files))
    assert ["six-3.tar.gz"] == shown(Filters(releases=ReleaseRules(yanked=False)), *files)


def aged(name: str, days: float, zone: str = "Z") -> File:
    """Return a file that was uploaded so many days ago."""
    moment = datetime.fromtimestamp(NOW - days * DAY, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return file(name, upload_time=moment + zone)


MIN_AGE = Ages(min_age=3 * DAY)


@pytest.mark.parametrize(
    ("ages", "days", "listed", "until"),
    [
        (MIN_AGE, 4, True, None),
        (MIN_AGE, 3, True, None),
        (MIN_AGE, 2, False, NOW + DAY),
        # An upload time in the future is no old one.
        (MIN_AGE, -1, False, NOW + 4 * DAY),
        (Ages(max_age=10 * DAY), 9, True, NOW + DAY),
        (Ages(max_age=10 * DAY), 10, False, None),
        (Ages(min_age=3 * DAY, max_age=10 * DAY), 4, True, NOW + 6 * DAY),
        (Ages(freeze=NOW - 5 * DAY), 5, True, None),
        (Ages(freeze=NOW - 5 * DAY), 4, False, None),
    ],
)
def test_ages_go_by_the_upload_time(
    ages: Ages,
    days: float,
    listed: bool,  # noqa: FBT001
    until: int | None,
) -> None:
    """And tell when the verdict will be another."""
    found = judged(Filters(releases=ReleaseRules(ages=ages)), aged("six-1.tar.gz", days))
    assert (listed, until) == (found.files[0].verdict.shown, found.until)


@pytest.mark.parametrize("ages", [MIN_AGE, Ages(max_age=DAY), Ages(freeze=NOW)])
@pytest.mark.parametrize("uploaded", [None, "", "yesterday", "2020-01-01T00:00:00"])
def test_a_file_without_an_upload_time_is_out(ages: Ages, uploaded: str | None) -> None:
    """Nobody can tell its age; the verdict says so."""
    found = judged(
        Filters(releases=ReleaseRules(ages=ages)), file("six-1.tar.gz", upload_time=uploaded)
    )
    verdict = found.files[0].verdict
    assert (False, "upstream does not tell when it was uploaded") == (
        verdict.shown,
        verdict.reason,
    )
    assert found.until is None


@pytest.mark.parametrize(
    ("what", "until", "freeze", "listed", "moment"),
    [
        ("six", NOW + 5 * DAY, None, True, NOW + 5 * DAY),
        ("six==1", NOW + 5 * DAY, None, True, NOW + 5 * DAY),
        ("six==2", NOW + 5 * DAY, None, False, NOW + 2 * DAY),
        ("flask", NOW + 5 * DAY, None, False, NOW + 2 * DAY),
        # It has ended.
        ("six", NOW, None, False, NOW + 2 * DAY),
        # No exception lifts a freeze.
        ("six", NOW + 5 * DAY, NOW - 2 * DAY, False, None),
    ],
)
def test_exceptions_to_the_age_end(
    what: str,
    until: int,
    freeze: int | None,
    listed: bool,  # noqa: FBT001
    moment: int | None,
) -> None:
    """An exception is for what it names, as long as it says, and against no freeze."""
    waiver = Waiver(parse_rule(what), "somebody@example.org", until)
    ages = Ages(min_age=3 * DAY, freeze=freeze, waivers=(waiver,))
    found = judged(Filters(releases=ReleaseRules(ages=ages)), aged("six-1.tar.gz", 1))
    assert (listed, moment) == (found.files[0].verdict.shown, found.until)


def test_the_newest_releases_are_those_that_are_left() -> None:
    """By version, not by name or time; what other filters hide takes no place."""
    filters = Filters(
        releases=ReleaseRules(prereleases=False, newest=2, ages=Ages(min_age=3 * DAY))
    )
    files = [
        aged("six-1.9.tar.gz", 50),
        aged("six-1.10.tar.gz", 40),
        aged("six-1.10-py3-none-any.whl", 40),
        aged("six-1.2.tar.gz", 10),
        aged("six-2.0rc1.tar.gz", 5),
        aged("six-2.0.tar.gz", 1),
    ]
    found = judged(filters, *files)
    expected = ["six-1.9.tar.gz", "six-1.10.tar.gz", "six-1.10-py3-none-any.whl"]
    assert expected == [one.filename for one in found.shown]
    # When 2.0 comes of age, 1.9 goes.
    assert NOW + 2 * DAY == found.until
    later = Judge(filters).judge(Project(ProjectName("six"), tuple(files)), None, NOW + 2 * DAY)
    expected = ["six-1.10.tar.gz", "six-1.10-py3-none-any.whl", "six-2.0.tar.gz"]
    assert expected == [one.filename for one in later.shown]


def test_projects_that_are_too_large_or_have_too_many_releases_are_hidden() -> None:
    """By all that upstream lists, whatever other filters leave of it."""
    files = (file("six-1.tar.gz", size=6), file("six-2.tar.gz", size=5))
    few = FileRules(max_size=5)
    assert ["six-2.tar.gz"] == shown(Filters(ProjectRules(max_size=11), files=few), *files)
    assert [] == shown(Filters(ProjectRules(max_size=10), files=few), *files)
    assert [] == shown(Filters(ProjectRules(max_releases=1)), *files)
    assert 2 == len(shown(Filters(ProjectRules(max_releases=2)), *files))


NO_AGPL = MetadataRules(deny_licences=(parse_text_pattern("*agpl*"),))
WEB = MetadataRules(allow_keywords=(parse_text_pattern("web"),))
DJANGO = MetadataRules(allow_classifiers=(parse_text_pattern("/django/"),))


@pytest.mark.parametrize(
    ("metadata", "facts", "rule"),
    [
        (MetadataRules(), None, ""),
        (NO_AGPL, Facts(licences=("AGPLv3",)), "deny_licences"),
        (NO_AGPL, Facts(licences=("MIT",)), ""),
        # Unknown: nothing is denied, and nothing is allowed.
        (NO_AGPL, None, ""),
        (WEB, None, "allow_keywords"),
        (WEB, Facts(keywords=("Web",)), ""),
        (WEB, Facts(keywords=("webby",)), "allow_keywords"),
        (DJANGO, Facts(classifiers=("Framework :: Django",)), ""),
    ],
)
def test_projects_are_chosen_by_metadata(
    metadata: MetadataRules, facts: Facts | None, rule: str
) -> None:
    """In any case of letters; and what is not known is said to be so."""
    judge = Judge(Filters(ProjectRules(metadata=metadata)))
    found = judge.judge(Project(ProjectName("six")), facts, NOW).project
    assert (f"filters.projects.metadata.{rule}" if rule else "") == found.rule


def test_locks_with_digests_let_only_those_files_through() -> None:
    """A lock's digests are a rule of their own."""
    rule = replace(parse_rule("six==1"), hashes=(HASH,))
    filters = Filters(ProjectRules(required=(rule,), listed=True))
    other = file("six-1-py3-none-any.whl", sha256="cd" * 32)
    assert ["six-1.tar.gz"] == shown(filters, "six-1.tar.gz", other, "six-2.tar.gz")
    assert not Judge(filters).project_by_name("flask").shown


def test_files_that_name_nothing_allow_nothing() -> None:
    """An empty file of requirements is no licence for everything."""
    assert not Judge(Filters(ProjectRules(listed=True))).project_by_name("six").shown


@pytest.mark.parametrize(
    ("filters", "name", "listed"),
    [
        (Filters(ProjectRules(deny=rules("six"))), "six-1.tar.gz", False),
        (Filters(ProjectRules(deny=rules("six<2"))), "six-1-py3-none-any.whl", False),
        (Filters(ProjectRules(deny=rules("six<2"))), "six-3-py3-none-any.whl", True),
        (Filters(ProjectRules(allow=rules("flask"))), "six-1.tar.gz", False),
        (Filters(ProjectRules(allow=rules("flask"))), "README", False),
        (Filters(files=FileRules(kinds=("wheel",))), "six-1.tar.gz", False),
        (Filters(releases=ReleaseRules(ages=MIN_AGE)), "six-1.tar.gz", False),
        (Filters(files=FileRules(deny_sha256=frozenset({HASH}))), "six-1.tar.gz", True),
    ],
)
def test_a_file_that_no_page_lists_is_judged_by_its_name(
    filters: Filters,
    name: str,
    listed: bool,  # noqa: FBT001
) -> None:
    """What depends on more than the name keeps it out, where it is about age."""
    assert listed == Judge(filters).unknown_file(name, NOW).shown


_DIGEST = """
from app.filters import FileRules, Filters, ProjectRules, parse_rule
allow = tuple(map(parse_rule, ("six>=1,<3,!=2", "/a/")))
denied = frozenset({"ab" * 32, "cd" * 32, "ef" * 32})
print(Filters(ProjectRules(allow=allow), files=FileRules(deny_sha256=denied)).digest)
"""


def test_digests_tell_filters_apart_in_every_process() -> None:
    """The same rules have the same digest, other rules another, and no rules none."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", _DIGEST],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert 1 == len(digests)
    one = Filters(files=FileRules(deny_sha256=frozenset({HASH})))
    assert one.digest != Filters(files=FileRules(deny_sha256=frozenset({"cd" * 32}))).digest
    assert "" == Filters().digest
