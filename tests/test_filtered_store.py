"""Filters on both databases: what is recorded, withdrawn, reviewed, and brought up to date."""

import time
from pathlib import Path

import psycopg
import pytest

from app.model import Project
from app.names import FilePath, ProjectName
from app.store import Filtered, Rendered, Settled, Store, StoreError
from jobs.exit_codes import ExitCode
from tests.fake_pypi import FakePypi, make_sdist, make_wheel
from tests.postgresql import Server
from tests.test_filtered_index import files, mirror_of, root
from tests.test_rerender import plan, sync

SIX = ProjectName("six")


def test_filters_flip_on_both_databases(tmp_path: Path, fake_pypi: FakePypi, database: str) -> None:
    """Files, projects, what is held, and what is never to be held."""
    fake_pypi.add(make_wheel("six", "1.0"))
    sdist = fake_pypi.add(make_sdist("six", "1.0"))
    fake_pypi.add(make_wheel("evil", "1.0"))
    filters = {
        "projects": {"deny": ["evil"], "metadata_only": ["six"]},
        "files": {"kinds": "wheel"},
    }
    path = FilePath(sdist.path)
    for _ in range(2):
        plain = mirror_of(tmp_path / "m", fake_pypi, database=database)
        assert ExitCode.DONE is sync(plain).exit_code
        assert (["evil", "six"], 2) == (root(plain), len(files(plain)))
        assert 1 == len(list(plain.store.unpopular([path])))
        tier = plain.config.cache.tiers[0].path
        (tier / path).parent.mkdir(parents=True, exist_ok=True)
        (tier / path).write_bytes(sdist.content)
        plain.store.hold(path, str(tier), len(sdist.content))
        plain.store.close()
        filtered = mirror_of(tmp_path / "m", fake_pypi, filters, database=database)
        assert ExitCode.DONE is sync(filtered).exit_code
        assert (["six"], 1) == (root(filtered), len(files(filtered)))
        assert (1, []) == (filtered.store.count_hidden(), filtered.store.withdrawn())
        assert filtered.store.hidden_file(path) is not None
        assert not (tier / path).exists()
        assert [] == plan(filtered)[1]
        filtered.store.close()


def test_a_project_is_reviewed_when_its_time_has_come(store: Store) -> None:
    """Whatever its mark; and the note says what was found then."""
    settled = Settled(1, None, None, 1, "m", legacy=True, filtered=Filtered("why", 100))
    store.record_all([(Project(SIX), False)])
    store.settle_all([(SIX, settled)])
    known = store.tracked_project(SIX)
    assert known is not None
    assert ("why", 100) == (known.hidden, known.review_at)
    assert [] == list(store.outdated("m", 99, legacy=True))
    assert [SIX] == [one.name for one in store.outdated("m", 100, legacy=False) if one.rendered]
    store.settle_all([(SIX, Rendered("m", Filtered(None, 200, metadata_only=True)))])
    assert [] == list(store.outdated("m", 199, legacy=False))
    assert [SIX] == [name for name, _ in store.listed()]
    store.note_rendered(SIX, "m")
    assert [] == list(store.outdated("m", int(time.time()), legacy=False))


@pytest.mark.postgresql
def test_a_database_of_before_on_a_server_is_brought_up_to_date(postgresql: Server) -> None:
    """Without losing a row."""
    url = postgresql.fresh()
    Store.open(url).close()
    with psycopg.connect(url) as session:
        for column in ("hidden", "review_at", "metadata_only"):
            session.execute(f"ALTER TABLE project DROP COLUMN {column}")
        session.execute("DROP INDEX file_hidden")
        session.execute("DROP TABLE pin")
        session.execute("UPDATE setting SET value = '6' WHERE key = 'schema'")
    # A dry run only looks at it.
    with pytest.raises(StoreError, match="are of version 6, and are not brought up to date: "):
        Store.open(Store.unchangeable(url))
    store = Store.open(url)
    assert 0 == store.count_hidden()
    store.close()
