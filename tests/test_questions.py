"""The questions that `larder score` answers, and what a release takes over."""

import json
import time
from pathlib import Path

import pytest

from app.config import load
from app.model import Vote
from app.names import FilePath, ProjectName
from jobs.parts import Parts
from tests.fake_pypi import FakeFile, FakePypi, make_wheel
from tests.mirrors import write_config
from tests.test_jobs import ask, held, run, vote


@pytest.fixture
def config(tmp_path: Path, fake_pypi: FakePypi) -> Path:
    """Return a mirror with room for one of its two files."""
    path = tmp_path / "repo" / "hot"
    tiers = [{"path": str(path), "size_limit": "30k"}]
    written = write_config(tmp_path, fake_pypi, cache={"min_vote_count": 2, "tiers": tiers})
    files = {name: fake_pypi.add(make_wheel(name, "1", padding=20_000)) for name in ("aa", "bb")}
    fake_pypi.add(make_wheel("cc", "1"))
    ask(written, "aa", "bb", "cc")
    for name, count in (("aa", 30), ("bb", 10)):
        vote(written, files[name], count=count)
    return written


def explained(config: Path, name: str) -> dict[str, object]:
    """Return what decides about a file."""
    done = run("score", config, "--explain", name, "--json")
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def test_a_file_is_explained(config: Path) -> None:
    """With its votes, its heat, its place, its tier, and the reason."""
    best = explained(config, "aa-1-py3-none-any.whl")
    assert (30, 1, 2, 0, None) == tuple(
        best[key] for key in ("votes", "place", "candidates", "wished", "held")
    )
    assert 30 == round(float(str(best["heat"])), 1)
    assert "next `larder move` fetches it" in str(best["why"])
    second = explained(config, "bb-1-py3-none-any.whl")
    assert (2, None) == (second["place"], second["wished"])
    assert "worth more" in str(second["why"])
    unwanted = explained(config, "cc-1-py3-none-any.whl")
    assert (0, None) == (unwanted["votes"], unwanted["place"])
    assert "votes enough" in str(unwanted["why"])
    assert run("sync", config).returncode == 0
    after = explained(config, str(best["path"]))
    assert (0, 0) == (after["wished"], after["held"])
    assert "it is there" in str(after["why"])


def test_a_place_knows_what_being_here_is_worth(config: Path) -> None:
    """The file that is here stays the first, though another has somewhat more votes."""
    assert run("sync", config).returncode == 0
    store = Parts(load(config)).store
    rival = store.path_of(ProjectName("bb"), "bb-1-py3-none-any.whl")
    assert rival
    more = [Vote(rival, network, int(time.time())) for network in range(100, 125)]
    assert 25 == store.add_votes(more, 300)
    store.close()
    here, there = (explained(config, f"{name}-1-py3-none-any.whl") for name in ("aa", "bb"))
    assert (30, 35) == (here["votes"], there["votes"])
    assert [(1, 0), (2, None)] == [(one["place"], one["wished"]) for one in (here, there)]
    assert float(str(here["score"])) < float(str(there["score"]))
    assert float(str(here["score_with_bonus"])) > float(str(there["score_with_bonus"]))


def test_the_answer_is_a_line_for_each_fact(config: Path) -> None:
    """On a terminal; and nothing is changed."""
    done = run("score", config, "--explain", "aa-1-py3-none-any.whl")
    assert "votes: 30\n" in done.stdout
    assert "held: -\n" in done.stdout
    store = Parts(load(config)).store
    assert {} == store.wish()
    store.close()


def test_another_cache_is_foretold(config: Path) -> None:
    """By the votes seen: with room for both, every request would have been answered."""
    done = run("score", config, "--what-if", "size_limit=1m", "--json")
    now, then = json.loads(done.stdout)
    assert (1, 0.75) == (now["files"], now["request_hit_ratio"])
    assert (2, 1.0, 1.0) == (then["files"], then["request_hit_ratio"], then["byte_hit_ratio"])
    assert 1 << 20 == then["size_limit"]
    done = run("score", config, "--what-if", "min_vote_count=20", "--what-if", "size_limit=1m")
    assert "files: 1\n" in done.stdout


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--explain", "nobody-1.tar.gz"], "no page lists a file nobody-1.tar.gz"),
        (["--explain", "../../etc/passwd"], "no page lists"),
        (["--explain", f"aa/bb/{'0' * 60}/aa-9.tar.gz"], "no page lists"),
        (["--what-if", "colour=red"], "give one of size_limit"),
        (["--what-if", "size_limit=much"], "is not a size"),
        (["--what-if", "size_limit"], "as KEY=VALUE"),
    ],
)
def test_a_question_without_an_answer_is_a_sentence(
    config: Path, options: list[str], what: str
) -> None:
    """And ends 2."""
    done = run("score", config, *options)
    assert 2 == done.returncode
    assert what in done.stderr


def test_a_new_release_is_here_before_anybody_asks(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """In the same `sync` that learns of it; an older one that comes late is not."""
    config = write_config(tmp_path, fake_pypi)
    old = fake_pypi.add(make_wheel("six", "2.0"))
    ask(config, "six")
    vote(config, old, count=10)
    assert run("sync", config).returncode == 0
    assert {old.filename: 0} == held(config)
    new = fake_pypi.add(make_wheel("six", "2.1"))
    fake_pypi.add(make_wheel("six", "1.0"))
    assert run("sync", config).returncode == 0
    assert {old.filename: 0, new.filename: 0} == held(config)
    assert 8 == round(heat(config, new))
    assert run("sync", config).returncode == 0
    assert (2, 8) == (round(heat(config, old)), round(heat(config, new)))


def heat(config: Path, file: FakeFile) -> float:
    """Return how hot a file is."""
    parts = Parts(load(config))
    found = parts.store.popularity(FilePath(file.path), int(time.time()))
    parts.store.close()
    assert found is not None
    return found.heat


def test_a_project_that_is_new_here_hands_nothing_on(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """All its files came at once: the latest is not younger than the votes for another."""
    config = write_config(tmp_path, fake_pypi)
    run("score", config)
    old, new = (fake_pypi.add(make_wheel("six", version)) for version in ("1.0", "2.0"))
    parts = Parts(load(config))
    parts.index.ask(ProjectName("six"))
    path = FilePath(old.path)
    assert 1 == parts.store.add_votes([Vote(path, 1, int(time.time()))], 300)
    parts.store.close()
    run("score", config)
    assert 1 == round(heat(config, old))
    assert not explained(config, new.filename)["inherited"]
