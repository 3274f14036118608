"""Tests of votes through real nginx and gunicorn."""

from collections.abc import Callable, Iterator
from ipaddress import IPv6Address

import pytest

from app.clients import network_of
from app.spool import parse_spool_line
from tests.fake_pypi import FakeFile, FakePypi
from tests.serving import Serving, wait_until
from tests.web_fakes import WHEEL, other_wheel

pytestmark = pytest.mark.system

CONTENT = b"wheel" * 1000

AGENTS = (
    "bandersnatch",
    "A.B*C+ (x|y) [z] {1,2}; #^?",
    "'); } server { listen 1; } #",
    "~*.*",
    "\t default 1;",
)
"""Who does not vote here; nothing in them is syntax to nginx."""


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream."""
    with FakePypi() as running:
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror behind a trusted proxy, 127.0.0.1, and a second, 10.9.9.9."""
    trusted = ["127.0.0.1", "10.9.9.9"]
    folder = tmp_path_factory.mktemp("votes")
    votes = {"ignore_agents": [agent.strip() for agent in AGENTS]}
    serving = Serving.of(folder, pypi, trusted_proxies=trusted, votes=votes)
    # A machine that is busy with other tests may take longer than a vote may.
    serving.edits = {"_timeout 20ms": "_timeout 2s"}
    with serving as running:
        yield running


@pytest.fixture(scope="module")
def marker(mirror: Serving, pypi: FakePypi) -> FakeFile:
    """Return a file whose votes show that those before them are written."""
    made = pypi.add_file("marker", "marker-1.0.tar.gz", CONTENT)
    assert 200 == mirror.get("/pypi/simple/marker/").status
    return made


@pytest.fixture
def file(mirror: Serving, pypi: FakePypi, request: pytest.FixtureRequest) -> FakeFile:
    """Return a file of its own for each test, known to the index and held."""
    number = sum(request.node.name.encode())
    project = f"p{number}"
    made = pypi.add_file(
        project, f"{project}-1.0-py3-none-any.whl", CONTENT + bytes([number % 256])
    )
    assert 200 == mirror.get(f"/pypi/simple/{project}/").status
    mirror.hold("hot", made.path, CONTENT)
    return made


@pytest.fixture
def settled(mirror: Serving, marker: FakeFile) -> Callable[[FakeFile], int]:
    """Return what tells a file's votes once all that came before are written, in order."""

    def count(file: FakeFile) -> int:
        seen = _votes_for(mirror, marker)
        _download(mirror, marker.path, f"203.0.{seen}.1")
        wait_until(lambda: _votes_for(mirror, marker) > seen)
        return _votes_for(mirror, file)

    return count


def _votes_for(mirror: Serving, file: FakeFile) -> int:
    return mirror.votes().count(file.path)


def _download(mirror: Serving, path: str, address: str = "192.0.2.1", **headers: str) -> int:
    return mirror.get(f"/pypi/packages/{path}", X_Forwarded_For=address, **headers).status


def test_a_download_of_a_held_file_is_one_vote(
    mirror: Serving, file: FakeFile, settled: Callable[[FakeFile], int]
) -> None:
    """Within two seconds, where the machine is not busy, and once for a network and window."""
    for _ in range(3):
        assert 200 == _download(mirror, file.path)
    wait_until(lambda: _votes_for(mirror, file) == 1)
    assert 1 == settled(file)


def test_a_repeat_never_reaches_python(mirror: Serving, file: FakeFile) -> None:
    """It is remembered by nginx, in any encoding of the path."""
    _download(mirror, file.path)
    wait_until(lambda: _votes_for(mirror, file) == 1)
    before = _taken(mirror)
    for last in range(20):
        _download(mirror, file.path, f"192.0.2.{last}")
        _download(mirror, file.path.replace(".whl", "%2ewhl"), f"192.0.2.{last}")
    assert before == _taken(mirror)


def test_a_download_of_a_file_that_is_not_held_is_one_vote(
    mirror: Serving, file: FakeFile, settled: Callable[[FakeFile], int]
) -> None:
    """A score that sees only hits could never bring anything in."""
    (mirror.config.repo_path / "hot" / file.path).unlink()
    for _ in range(3):
        assert 302 == _download(mirror, file.path)
    assert 1 == settled(file)


def test_two_networks_are_two_votes(
    mirror: Serving, file: FakeFile, settled: Callable[[FakeFile], int]
) -> None:
    """And two addresses of one network are one."""
    for address in ("192.0.2.1", "192.0.2.255", "198.51.100.1", "2001:db8:1::1", "2001:db8:2::1"):
        _download(mirror, file.path, address)
    _download(mirror, file.path, "::ffff:192.0.2.9")
    _download(mirror, file.path, "2001:db8:1:ffff::2")
    assert 4 == settled(file)


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=100-200"},
        {"Range": "bytes=-100"},
        {"Range": "bytes=1-"},
    ],
)
def test_a_later_part_is_no_vote(
    mirror: Serving, file: FakeFile, headers: dict[str, str], settled: Callable[[FakeFile], int]
) -> None:
    """A download that is resumed was counted when it began; metadata is no download."""
    assert 206 == _download(mirror, file.path, **headers)
    assert 0 == settled(file)


def test_a_first_part_is_a_vote(
    mirror: Serving, file: FakeFile, settled: Callable[[FakeFile], int]
) -> None:
    """It begins the download."""
    assert 206 == _download(mirror, file.path, Range="bytes=0-")
    assert 1 == settled(file)


@pytest.mark.parametrize("agent", AGENTS)
def test_who_is_ignored_does_not_vote(
    mirror: Serving, file: FakeFile, agent: str, settled: Callable[[FakeFile], int]
) -> None:
    """In upper and lower case, with whatever is around it; and it uses up no window."""
    for form in (agent, agent.upper(), f"x {agent.lower()} y"):
        assert 200 == _download(mirror, file.path, User_Agent=form.strip())
    assert 0 == settled(file)
    # Not what its characters would mean in a regular expression.
    assert 200 == _download(mirror, file.path, User_Agent="pip/24 aAbBBcC x z 11")
    assert 1 == settled(file)


def test_head_and_metadata_are_no_votes(
    mirror: Serving, file: FakeFile, settled: Callable[[FakeFile], int]
) -> None:
    """They come from resolvers, many times more often than downloads."""
    mirror.get(f"/pypi/packages/{file.path}", "HEAD", X_Forwarded_For="192.0.2.1")
    mirror.hold("hot", f"{file.path}.metadata", b"Name: x\n")
    assert 200 == _download(mirror, f"{file.path}.metadata")
    assert 0 == settled(file)


def test_a_file_that_the_index_does_not_know_gets_no_row(
    mirror: Serving, file: FakeFile, marker: FakeFile, settled: Callable[[FakeFile], int]
) -> None:
    """Nor does a flood of them."""
    before = len(mirror.votes())
    for number in range(50):
        assert 302 == _download(mirror, other_wheel(number))
    settled(file)
    assert {marker.path} == set(mirror.votes()[before:])


def test_a_forged_address_counts_for_nothing(
    mirror: Serving, file: FakeFile, settled: Callable[[FakeFile], int]
) -> None:
    """The list is read from the right, up to the first address that is no proxy of ours."""
    for forged in range(5):
        _download(mirror, file.path, f"203.0.{forged}.1, 192.0.2.1, 10.9.9.9")
        _download(mirror, file.path, f"10.9.9.9, 203.0.{forged}.1, 192.0.2.1")
        _download(mirror, file.path, "192.0.2.1", X_Larder_Network=f"203.0.{forged}.0/24")
    assert 1 == settled(file)


def test_without_a_trusted_proxy_the_header_is_nothing(
    pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every client could vote as often as it likes, else."""
    made = pypi.add_file("direct", "direct-1.0.tar.gz", CONTENT)
    with Serving.of(tmp_path_factory.mktemp("direct"), pypi) as direct:
        direct.get("/pypi/simple/direct/")
        for last in range(5):
            _download(direct, made.path, f"203.0.{last}.1")
        wait_until(lambda: direct.votes() == [made.path], 15)


def test_every_address_is_given_its_network(mirror: Serving) -> None:
    """The maps agree with `app.clients`, in all the forms that an address has.

    With the application away, nginx writes the network that it saw into the spool.
    """
    addresses = [str(address) for address in _addresses()]
    mirror.stop_app()
    try:
        spool = mirror.runtime.spool
        spool.write_text("")
        # A file for each, since a network's second vote for one is none.
        paths = [WHEEL.replace("six", f"six{number}") for number in range(len(addresses))]
        for path, address in zip(paths, addresses, strict=True):
            assert 302 == _download(mirror, path, address)
        # A line is written once its answer is out, by whichever worker.
        wait_until(lambda: len(addresses) == len(mirror.spooled()))
        votes = [vote for line in mirror.spooled() if (vote := parse_spool_line(line))]
        expected = dict(zip(paths, map(network_of, addresses), strict=True))
        assert expected == {vote.path: vote.network for vote in votes}
        # One spelling for each network: it is the key of the window, too.
        ends = [line.partition(b'"network":')[2] for line in mirror.spooled()]
        spellings = {end.partition(b",")[0] for end in ends}
        assert len({network_of(address) for address in addresses}) == len(spellings)
        assert "192.0.2.255" not in spool.read_text()
    finally:
        mirror.start_app()


def _addresses() -> list[object]:
    """Return addresses with zeros in all the places where `::` may come to stand."""
    patterns = [
        IPv6Address(b"".join(b"\x20\x01" if bits >> group & 1 else b"\0\0" for group in range(8)))
        for bits in range(256)
    ]
    mapped = [IPv6Address(f"::ffff:192.0.2.{last}") for last in (0, 1, 255)]
    compatible = [IPv6Address("::192.0.2.1"), IPv6Address("::"), IPv6Address("::1")]
    edges = [IPv6Address("0:0:abc:1:2:3:4:5"), IPv6Address("a:0:0:1:2:3:4:5")]
    four = ["1.2.3.4", "192.0.2.255"]
    return [*four, *patterns, *mapped, *compatible, *edges]


def _taken(mirror: Serving) -> float:
    outcomes = ("accepted", "skipped", "lost")
    return sum(mirror.counted("votes", outcome) for outcome in outcomes)
