"""Fixtures that many tests share: a simulated upstream, and a mirror's parts on real files."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.config import Config, load
from app.store import Store
from jobs.parts import Parts, make_folders
from tests.fake_pypi import FakePypi, fake_pypi
from tests.mirrors import write_config
from tests.postgresql import Server, running_server

__all__ = ["fake_pypi"]

Configure = Callable[..., Path]
NewDatabase = Callable[[], str]

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgresql)
"""The tests that run on both databases run with `-m postgresql` on a server alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fast tests first: most faults show within seconds."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Run a PostgreSQL server for all tests of a worker."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", POSTGRESQL])
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> NewDatabase:
    """Return what makes URLs of fresh databases, of each kind in turn."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        return server.fresh
    return lambda: f"sqlite:///{tmp_path_factory.mktemp('database')}/larder.db"


@pytest.fixture
def database(new_database: NewDatabase) -> str:
    """Return the URL of a fresh database, of each kind in turn."""
    return new_database()


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Open a fresh database, of each kind in turn."""
    opened = Store.open(database)
    yield opened
    opened.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """Put the cold tier on another filesystem, in memory; for `usefixtures`."""
    memory = Path("/dev/shm")  # noqa: S108
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second filesystem")
    folder = Path(tempfile.mkdtemp(dir=memory))
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "cold").symlink_to(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def config_path(tmp_path: Path, fake_pypi: FakePypi) -> Path:
    """Write a configuration whose upstream is the simulated one."""
    return write_config(tmp_path, fake_pypi)


@pytest.fixture
def config(config_path: Path) -> Config:
    """Return the configuration of `config_path`, with its folders made."""
    loaded = load(config_path)
    make_folders(loaded)
    return loaded


@pytest.fixture
def parts(config: Config) -> Iterator[Parts]:
    """Return what jobs work with, on fresh folders and a fresh database."""
    built = Parts(config)
    yield built
    built.store.close()
    built.upstream.close()
