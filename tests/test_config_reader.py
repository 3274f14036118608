"""Whole files: what they configure, or all that is wrong with them."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from app.bounds import Keep, MinFree, MoveBudget
from app.config import (
    Address,
    Cache,
    CachePolicy,
    Config,
    ConfigError,
    DecaySettings,
    HiddenAnswer,
    IpModes,
    LegacyJson,
    Log,
    LogFormat,
    Mode,
    ModeRule,
    Problem,
    Projects,
    Schedule,
    Sync,
    TierSettings,
    Timeouts,
    Tls,
    Upstream,
    Verify,
    Votes,
    VotesVia,
    load,
)
from app.config.vote_keys import IGNORED_AGENTS
from app.filters import (
    Ages,
    FileRules,
    Filters,
    MetadataRules,
    ProjectRules,
    ReleaseRules,
    TextPattern,
    Waiver,
    parse_file_pattern,
    parse_rule,
    parse_text_pattern,
)
from app.filters.texts import Rule

DATA = Path(__file__).parent / "data" / "config"
_EXPECTED = "# ! "
SIX = Rule("six==1.17.0", TextPattern("six", "six"), SpecifierSet("==1.17.0"))


def problems_of(text: str, folder: Path) -> tuple[str, ...]:
    """Return the lines of the error that a file with this text is, without its name."""
    path = folder / "mirror.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    return tuple(line.removeprefix(f"{path}:") for line in str(caught.value).splitlines())


@pytest.mark.parametrize("name", ["shape", "values", "contradictions", "paths", "filters"])
def test_every_problem_is_reported_at_its_place(name: str, tmp_path: Path) -> None:
    """The file says at its end what is wrong with it."""
    text = (DATA / f"{name}.yaml").read_text()
    expected = [
        line.removeprefix(_EXPECTED).replace("{here}", str(tmp_path))
        for line in text.splitlines()
        if line.startswith(_EXPECTED)
    ]
    assert tuple(expected) == problems_of(text, tmp_path)


def test_the_smallest_file_has_every_default(tmp_path: Path) -> None:
    """Two keys make a mirror of PyPI."""
    path = tmp_path / "mirror.yaml"
    path.write_text(f"repo_path: {tmp_path}\ncache:\n  size_limit: 512g\n")
    pypi_files = ("https://files.pythonhosted.org/packages/",)
    config = load(path)
    user_agent = config.sync.user_agent
    assert user_agent.startswith("larder/")
    assert user_agent.endswith(" (+https://pypi.org/project/larder/)")
    assert config == Config(
        listen=Address("", 8080),
        repo_path=tmp_path,
        prefix="/pypi",
        upstream=Upstream(
            pypi_url="https://pypi.org/",
            packages_url=pypi_files,
            packages_url_explicit=False,
            redirect_url=pypi_files,
            proxy=None,
        ),
        tls=None,
        trusted_proxies=(),
        ip_modes=IpModes(Mode.REDIRECT, ()),
        cache=Cache(
            filesize_limit=4 * 1024**3,
            min_vote_count=2,
            vote_window=7 * 86400,
            dedup_window=300,
            size_db_ttl=2 * 86400,
            tiers=(TierSettings(tmp_path / "packages", 512 * 1024**3),),
            min_free=MinFree(),
            move_budget=MoveBudget(),
            policy=CachePolicy.DECAY,
            decay=DecaySettings(7 * 86400, 1 << 20, 1.25, 3.0, 0.05, 0.8),
        ),
        votes=Votes(VotesVia.AUTH_REQUEST, keep_networks=False, ignore_agents=IGNORED_AGENTS),
        sync=Sync(
            3,
            5,
            user_agent,
            10,
            100,
            600,
            50000,
            100 * 1024**2,
            86400,
            follow=False,
            legacy_json=LegacyJson.MIRROR,
            bandwidth=None,
        ),
        log=Log(None, LogFormat.JSON),
        timeouts=Timeouts(30, 120, 60, 60),
        projects=Projects.ALL,
        canonical=False,
        filters=Filters(),
        hidden=HiddenAnswer.NOT_FOUND,
        keep=Keep.POPULAR,
        keep_deleted=False,
        database=f"sqlite:///{tmp_path}/larder.db",
        verify=Verify(30 * 86400, 50 * 1024**2),
        schedule=Schedule(600, 3600, 3600, 86400, 3600, 60),
        workers=1,
        threads=16,
        metrics_listen=None,
    )


@pytest.fixture
def complete(tmp_path: Path) -> Config:
    """Load the file with every key."""
    (tmp_path / "data").mkdir()
    for name in ("tls.pem", "tls.key"):
        (tmp_path / "data" / name).touch()
    path = tmp_path / "mirror.yaml"
    (tmp_path / "requirements.txt").write_text("six==1.17.0\n")
    path.write_text((DATA / "complete.yaml").read_text())
    return load(path)


def test_every_key_is_read(complete: Config, tmp_path: Path) -> None:
    """Relative paths start at the file's folder, and each key reaches its setting."""
    assert complete == Config(
        listen=Address("2001:db8::1", 8080),
        repo_path=tmp_path,
        prefix="/mirror/pypi",
        upstream=Upstream(
            pypi_url="https://example.org/root/pypi/+simple/",
            packages_url=("https://one.example.org/packages/", "http://[2001:db8::2]:8000/"),
            packages_url_explicit=True,
            redirect_url=("https://two.example.org/packages/",),
            proxy="http://user:secret@proxy.example.org:3128",
            probe_interval=30,
            proxied_range=64 << 10,
            redirects_to=("http://store.example.org:9000/",),
        ),
        tls=Tls(tmp_path / "data/tls.pem", tmp_path / "data/tls.key", 365 * 86400),
        trusted_proxies=(
            ip_network("10.0.0.0/8"),
            ip_network("2001:db8::/32"),
            ip_network("192.0.2.1/32"),
        ),
        ip_modes=IpModes(
            Mode.REDIRECT,
            (
                ModeRule(ip_network("10.0.0.0/8"), Mode.PROXY),
                ModeRule(ip_network("2001:db8::1"), Mode.REDIRECT),
            ),
        ),
        cache=Cache(
            filesize_limit=1024,
            min_vote_count=3,
            vote_window=7200,
            dedup_window=90,
            size_db_ttl=86400,
            tiers=(
                TierSettings(tmp_path / "ssd", 512 * 1024**3),
                TierSettings(tmp_path / "hdd", 512 * 1024**3),
            ),
            min_free=MinFree(1024**3, 10),
            move_budget=MoveBudget(1, 2048, 3),
            policy=CachePolicy.VOTES,
            decay=DecaySettings(36 * 3600, 512 << 10, 2.0, 1.5, 0.0, 0.25),
        ),
        votes=Votes(
            VotesVia.LOG,
            keep_networks=True,
            ignore_agents=("Some Bot/1.0 (+https://bot.example.org/)", "curl"),
        ),
        sync=Sync(
            0,
            7,
            "example.org mirror (mirror@example.org)",
            64,
            0,
            60,
            1,
            1,
            3600,
            follow=True,
            legacy_json=LegacyJson.MIRROR,
            bandwidth=20 * 1024**2,
        ),
        log=Log(tmp_path / "data/access.log", LogFormat.COMBINED),
        timeouts=Timeouts(1, 2, 3, 4),
        projects=Projects.LISTED,
        canonical=True,
        filters=Filters(
            ProjectRules(
                allow=(
                    parse_rule("NumPy>=1.24,<3"),
                    parse_rule("django-*"),
                    parse_rule("/^flask(-|$)/"),
                ),
                required=(
                    Rule("six==1.17.0", TextPattern("six", "six"), SpecifierSet("==1.17.0")),
                ),
                listed=True,
                deny=(parse_rule("urllib3 (<1.26)"),),
                metadata_only=(parse_rule("torch"),),
                max_size=50 * 1024**3,
                max_releases=1000,
                metadata=MetadataRules(
                    deny_licences=(parse_text_pattern("*AGPL*"),),
                    allow_keywords=(parse_text_pattern("web"), parse_text_pattern("/^db/")),
                ),
            ),
            ReleaseRules(
                prereleases=False,
                prereleases_of=(parse_rule("black"),),
                yanked=False,
                newest=10,
                ages=Ages(
                    max_age=3650 * 86400,
                    min_age=3 * 86400,
                    freeze=1_798_761_599,
                    waivers=(
                        Waiver(parse_rule("requests==2.33.1"), "me@example.org", 1_769_860_800),
                    ),
                ),
            ),
            FileRules(
                kinds=("wheel", "sdist"),
                pythons=("3.10", "3.13t"),
                abis=("none", "abi3"),
                platforms=("linux-x86_64",),
                max_size=2 * 1024**3,
                allow=(parse_file_pattern("*.whl"),),
                deny=(parse_file_pattern("/-nightly-/"),),
                deny_sha256=frozenset({"ab" * 32}),
            ),
        ),
        hidden=HiddenAnswer.UPSTREAM,
        keep=Keep.PINNED,
        keep_deleted=True,
        database=f"sqlite:///{tmp_path}/data/larder.db",
        verify=Verify(90 * 86400, 1024**2),
        schedule=Schedule(0, 0, 1800, 7 * 86400, 7200, 30),
        workers=2,
        threads=3,
        metrics_listen=Address("localhost", 9118),
    )


def test_an_empty_text_leaves_a_key_out(tmp_path: Path) -> None:
    """As the predecessor's files do; a key with a default must have a value."""
    path = tmp_path / "mirror.yaml"
    head = "repo_path: .\ncache: {size_limit: 1g}\n"
    path.write_text(
        f"{head}upstream: {{proxy: '', redirect_url: []}}\n"
        "tls: {cert: '', key: ''}\nlog: {path: ''}\ntrusted_proxies: []\n"
    )
    config = load(path)
    assert (None, None, None, ()) == (
        config.upstream.proxy,
        config.tls,
        config.log.path,
        config.trusted_proxies,
    )
    assert config.upstream.packages_url == config.upstream.redirect_url
    assert problems_of(f"{head}log: {{format: ''}}", tmp_path) == (
        "3:7: log.format: '' is not known; write mirror-json or combined",
    )


def test_relative_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the program is started."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "mirror.yaml").write_text("repo_path: ../var\ncache: {size_limit: 1g}")
    monkeypatch.chdir(tmp_path)
    assert tmp_path / "var" == load(Path("etc/mirror.yaml")).repo_path
    monkeypatch.chdir(tmp_path / "etc")
    assert tmp_path / "var" == load(Path("mirror.yaml")).repo_path


def test_a_database_on_a_server_is_no_path(tmp_path: Path) -> None:
    """Its URL stays as it is; what is wrong with it is told without its password."""
    text = "repo_path: .\ncache: {size_limit: 1g}\ndatabase: postgresql://me:s3cret@host"
    path = tmp_path / "mirror.yaml"
    path.write_text(f"{text}/larder?sslmode=require")
    assert "postgresql://me:s3cret@host/larder?sslmode=require" == load(path).database
    (problem,) = problems_of(f"{text}:x/larder", tmp_path)
    assert problem.startswith("3:1: database: its host or port cannot be read")
    assert "s3cret" not in problem


def test_a_folder_with_a_space_is_reported(tmp_path: Path) -> None:
    """A relative path is as good as the folder that it starts at."""
    folder = tmp_path / "my files"
    folder.mkdir()
    problems = problems_of(
        "repo_path: var\ndatabase: sqlite:///x.db\ncache: {size_limit: 1g}", folder
    )
    assert ["1:1: repo_path", "2:1: database"] == [
        line.removesuffix("; rename it").partition(": '")[0] for line in problems
    ]


@pytest.mark.parametrize(
    ("listen", "metrics", "hint"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", "the same as listen"),
        (":80", "localhost:80", "the same as listen"),
        (":80", "127.example.org:81", "reachable from outside"),
        (":80", "'[2001:db8::1]:81'", "reachable from outside"),
    ],
)
def test_metrics_have_a_loopback_address(
    listen: str, metrics: str, hint: str, tmp_path: Path
) -> None:
    """They are not for clients."""
    head = "repo_path: .\ncache: {size_limit: 1g}\n"
    (problem,) = problems_of(f"{head}listen: {listen}\nmetrics: {{listen: {metrics}}}\n", tmp_path)
    assert hint in problem


@pytest.mark.parametrize("url", ["http://localhost/x/", "http://127.0.0.9:80/", "http://[::1]/"])
def test_a_place_of_files_is_not_the_mirror_itself(url: str, tmp_path: Path) -> None:
    """By its own address; what is not to be seen from here, the app finds out."""
    head = "repo_path: .\ncache: {size_limit: 1g}\nlisten: :80\n"
    (problem,) = problems_of(f"{head}upstream: {{redirect_url: '{url}'}}\n", tmp_path)
    assert "is this mirror itself" in problem


def test_metrics_may_be_elsewhere_on_the_loopback(tmp_path: Path) -> None:
    """In either family of addresses."""
    path = tmp_path / "mirror.yaml"
    for listen in ("127.0.0.2:80", "'[::1]:80'"):
        path.write_text(
            f"repo_path: .\ncache: {{size_limit: 1g}}\nlisten: 127.0.0.1:80\n"
            f"metrics: {{listen: {listen}}}"
        )
        assert load(path).metrics_listen is not None


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("policy: lru", "policy: 'lru' is not known; write decay or votes"),
        ("decay: {half_life: 30m}", "decay.half_life: '30m' is too small; write at least 3600"),
        ("decay: {hot_bonus: 0.9}", "decay.hot_bonus: 0.9 is out of range; write a number from 1 to 100"),  # noqa: E501
        ("decay: {inherit: 1.01}", "decay.inherit: 1.01 is out of range; write a number from 0 to 1"),  # noqa: E501
        ("decay: {coldest: .5}", "decay.coldest: '.5' is not a number; write one such as 1.25"),
        ("decay: {coldest: 1e3}", "decay.coldest: '1e3' is not a number; write one such as 1.25"),
    ],
)  # fmt: skip
def test_the_policy_and_its_parameters_have_bounds(
    written: str, problem: str, tmp_path: Path
) -> None:
    """A bonus below 1 would chase files away because they are here."""
    (found,) = problems_of(f"repo_path: .\ncache:\n  size_limit: 1g\n  {written}\n", tmp_path)
    assert f"cache.{problem}" == found.partition(": ")[2]


def test_problems_are_data(tmp_path: Path) -> None:
    """Sorted by line, each with its column."""
    path = tmp_path / "mirror.yaml"
    path.write_text("repo_path: .\nx: 1\ncache: {}\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    first, second = caught.value.problems
    assert (2, 1) == (first.line, first.column)
    assert (3, 1) == (second.line, second.column)
    assert isinstance(first, Problem)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The problem is the file's, so it has no line."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "mirror.yaml")
    assert str(caught.value).startswith(f"{tmp_path}/mirror.yaml: no such file; ")


def test_many_problems_are_cut_short(tmp_path: Path) -> None:
    """A hundred, and the hint that there are more."""
    problems = problems_of("".join(f"x{number}: 1\n" for number in range(1000)), tmp_path)
    assert 101 == len(problems)
    assert "more than 100 problems" in problems[-1]


@pytest.mark.parametrize(
    ("written", "agents"),
    [
        ("none", ()),
        ("[]", IGNORED_AGENTS),
        ("wget", ("wget",)),
        ("['{} [a] (b) |.*+?^; #', 'É']", None),
        ("['{} [a] (b) |.*+?^; #']", ("{} [a] (b) |.*+?^; #",)),
    ],
)
def test_who_does_not_vote_can_be_anybody_or_nobody(
    written: str, agents: tuple[str, ...] | None, tmp_path: Path
) -> None:
    """The default's place is taken by what is written, and `none` is nobody."""
    text = f"repo_path: .\ncache: {{size_limit: 1g}}\nvotes: {{ignore_agents: {written}}}\n"
    path = tmp_path / "mirror.yaml"
    if agents is None:
        assert "ignore_agents[1]" in problems_of(text, tmp_path)[0]
        return
    path.write_text(text)
    assert agents == load(path).votes.ignore_agents
