"""Downloads: resumed rightly, from whom gives the right bytes, and no faster than allowed."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.assembly import open_upstream
from app.config import load
from app.model import Project
from app.names import ProjectName
from app.pacing import Pace
from app.upstream import CutBodyError
from jobs.parts import Parts
from tests.fake_pypi import CutBody, FakeFile, FakePypi, Slow, WrongContent, make_wheel
from tests.mirrors import put_wish, write_config
from tests.test_holdings import fetch, on_disk, path_of, six
from tests.test_jobs import ask, held, run, vote

__all__ = ["six"]


def asked(pypi: FakePypi, header: str) -> list[str | None]:
    """Return a header of every request for the wheel."""
    wheel = [one for one in pypi.requests if one.path.endswith(".whl")]
    return [one.headers.get(header) for one in wheel]


def break_off(parts: Parts, pypi: FakePypi, file: FakeFile, after: int) -> None:
    """Leave so many bytes of a file, as a run that was killed does."""
    pypi.inject(CutBody(after), at="/packages/*.whl")
    with pytest.raises(CutBodyError):
        fetch(parts, file)
    pypi.heal()
    pypi.forget_requests()


def test_a_killed_download_goes_on_if_the_file_is_the_same(
    parts: Parts, fake_pypi: FakePypi, six: FakeFile
) -> None:
    """Another run asks with the ETag that the first one got, and for what is missing."""
    break_off(parts, fake_pypi, six, 15_000)
    fetch(parts, six)
    (etag,), (wanted,) = asked(fake_pypi, "if-range"), asked(fake_pypi, "range")
    assert etag is not None
    assert etag.startswith('"')
    # Three tries, each cut after so many more bytes.
    assert wanted == "bytes=45000-"
    assert six.content == on_disk(parts, 0, path_of(six)).read_bytes()
    assert [] == list((parts.config.cache.tiers[0].path / ".larder").glob("*.from"))


def test_a_file_that_changed_meanwhile_starts_over(
    parts: Parts, fake_pypi: FakePypi, six: FakeFile
) -> None:
    """Upstream sends the whole, since the ETag is another; one request is enough."""
    fake_pypi.corrupt(six)
    break_off(parts, fake_pypi, six, 15_000)
    fake_pypi.corrupt(replace(six, content=bytes(byte ^ 0xFF for byte in six.content)))
    fetch(parts, six)
    assert [True] == [found is not None for found in asked(fake_pypi, "if-range")]
    assert six.content == on_disk(parts, 0, path_of(six)).read_bytes()


def test_bytes_that_somebody_else_left_are_not_held_against_upstream(
    parts: Parts, fake_pypi: FakePypi, six: FakeFile, caplog: pytest.LogCaptureFixture
) -> None:
    """A power cut may leave zeros: the file is fetched anew within the step, and nobody blamed."""
    break_off(parts, fake_pypi, six, 15_000)
    (left,) = (parts.config.cache.tiers[0].path / ".larder").glob("*.part")
    left.write_bytes(bytes(left.stat().st_size))
    logging.getLogger("larder").propagate = True
    with caplog.at_level(logging.WARNING, "larder"):
        fetch(parts, six)
    assert "wrong bytes" not in caplog.text
    assert six.content == on_disk(parts, 0, path_of(six)).read_bytes()


@pytest.fixture
def second() -> Iterator[FakePypi]:
    """Return another file host."""
    with FakePypi() as pypi:
        yield pypi


def test_who_gave_wrong_bytes_is_asked_last(
    tmp_path: Path, fake_pypi: FakePypi, second: FakePypi
) -> None:
    """The next place is tried at once; and for the rest of the run it is the first."""
    wheels = [make_wheel(f"p{number}", "1", padding=9_000) for number in range(4)]
    files = [fake_pypi.add(wheel) for wheel in wheels]
    for wheel in wheels:
        second.add(wheel)
    urls = [fake_pypi.packages_url, second.packages_url]
    upstream = {"pypi_url": fake_pypi.pypi_url, "packages_url": urls}
    sync = {"retry": 0, "max_age": 0, "concurrent_downloads": 1}
    config = write_config(tmp_path, fake_pypi, upstream=upstream, sync=sync)
    ask(config, *(f"p{number}" for number in range(4)))
    for file in files:
        vote(config, file)
    fake_pypi.inject(WrongContent(), at="/packages/*.whl")
    fake_pypi.forget_requests()
    done = run("sync", config)
    assert done.returncode == 0
    assert 1 == done.stderr.count("wrong bytes from")
    assert f"{fake_pypi.packages_url}, 1 in this run; it is asked last" in done.stderr
    assert (1, 4) == (fake_pypi.count("/packages/*.whl"), second.count("/packages/*.whl"))
    assert 4 == len(held(config))


def test_a_download_may_take_longer_than_the_silence(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """`timeouts.upstream` is of silence: bytes that dribble in are no reason to stop."""
    file = fake_pypi.add(make_wheel("six", "1", padding=30_000))
    config = write_config(tmp_path, fake_pypi, timeouts={"upstream": "1s"})
    ask(config, "six")
    parts = Parts(load(config))
    fake_pypi.inject(Slow(chunk=5_000, pause=0.3), at="/packages/*.whl")
    fetch(parts, file)
    assert file.content == on_disk(parts, 0, path_of(file)).read_bytes()
    assert 1 == fake_pypi.count("/packages/*.whl")
    parts.store.close()


def test_silence_ends_a_try_and_the_next_goes_on(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """What came before the silence is not asked for again."""
    file = fake_pypi.add(make_wheel("six", "1", padding=30_000))
    config = write_config(tmp_path, fake_pypi, timeouts={"upstream": "1s"})
    ask(config, "six")
    parts = Parts(load(config))
    fake_pypi.inject(Slow(chunk=5_000, pause=3), at="/packages/*.whl", times=1)
    fetch(parts, file)
    assert [None, "bytes=5000-"] == asked(fake_pypi, "range")
    assert None not in asked(fake_pypi, "if-range")[1:]
    parts.store.close()


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def test_a_pace_is_kept_and_has_no_burst_after_a_pause() -> None:
    """So many bytes a second, whatever the pieces; nothing is saved up."""
    time = Time()
    pace = Pace(1000, clock=time, sleep=time.sleep)
    for size in (100, 400, 1500):
        pace.take(size)
    assert time.now == pytest.approx(2.0)
    time.now = 60
    pace.take(1000)
    assert time.now == pytest.approx(61)


def test_a_stop_ends_the_waiting() -> None:
    """A slow line keeps nobody from ending."""
    time = Time()
    Pace(1, lambda: True, time, time.sleep).take(1 << 30)
    assert time.now == 0


def test_threads_share_a_pace_fairly() -> None:
    """Each gets its turn: none has two pieces while another waits for its first."""
    pace, order, lock = Pace(100_000), list[int](), threading.Lock()
    start = threading.Barrier(4)

    def download(number: int) -> None:
        start.wait()
        for _ in range(5):
            pace.take(1_000)
            with lock:
                order.append(number)

    threads = [threading.Thread(target=download, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        # After half of all, each has had about half of its own.
        assert 1 <= order[:10].count(number) <= 4


def test_downloads_keep_to_the_bandwidth(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Those that run side by side share it: together they take as long as it says."""
    files = [fake_pypi.add(make_wheel(f"p{n}", "1", padding=30_000)) for n in range(4)]
    config = write_config(tmp_path, fake_pypi, sync={"retry": 0, "max_age": 0, "bandwidth": "100k"})
    ask(config, *(f"p{number}" for number in range(4)))
    for file in files:
        vote(config, file)
    assert run("score", config).returncode == 0
    done = run("move", config)
    assert done.returncode == 0
    seconds = float(done.stderr.rpartition(" in ")[2].removesuffix(" s\n"))
    assert seconds > sum(len(file.content) for file in files) / 102_400 - 0.2


def test_the_index_keeps_to_the_bandwidth(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """All of a page's bytes count, as they come over the wire."""
    for number in range(200):
        fake_pypi.add_file("big", f"big-{number}.{'0.' * 60}tar.gz", bytes([number]) * 9)
    config = write_config(tmp_path, fake_pypi)
    waited = list[float]()
    pace = Pace(1024, clock=lambda: sum(waited), sleep=waited.append)
    upstream = open_upstream(load(config), 1, pace)
    page = upstream.project(ProjectName("big"))
    upstream.close()
    assert page is not None
    assert 200 == len(page.project.files)
    assert sum(waited) > 1


def test_wrong_bytes_again_and_again_end_the_fetching(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """So do files that are not there; what was held and must go goes all the same."""
    names = [f"p{number}" for number in range(12)]
    files = [fake_pypi.add(make_wheel(name, "1", padding=9_000)) for name in names]
    sync = {"retry": 0, "max_age": 0, "download_error_threshold": 3, "concurrent_downloads": 1}
    config = write_config(tmp_path, fake_pypi, sync=sync)
    ask(config, *names)
    vote(config, files[0])
    assert run("sync", config).returncode == 0
    for file in files[1:]:
        vote(config, file)
    assert run("score", config).returncode == 0
    parts = Parts(load(config))
    wish = parts.store.wish()
    del wish[path_of(files[0])]
    put_wish(parts.store, wish)
    parts.store.record(Project(ProjectName("p0")))
    fake_pypi.inject(WrongContent(), at="/packages/*.whl")
    fake_pypi.forget_requests()
    done = run("move", config)
    assert done.returncode == 1
    assert 3 == fake_pypi.count("/packages/*.whl")
    assert "8 not tried" in done.stderr
    assert held(config) == {}
    parts.store.close()
