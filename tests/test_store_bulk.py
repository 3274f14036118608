"""Many projects at once: as one after the other."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from app.model import File, Project
from app.names import ProjectName, parse_file_path, parse_filename, parse_project
from app.store import Settled, Store


def file(number: int, size: int | None, companion: bool) -> File:  # noqa: FBT001
    """Return a file; of one number several may be made, which differ."""
    name = parse_filename(f"f-{number}.whl")
    path = parse_file_path(f"aa/bb/{number:060x}/{name}")
    metadata = {"sha256": "1" * 64} if companion else None
    return File(name, path, {"sha256": f"{number:064x}"}, size=size, core_metadata=metadata)


PROJECTS = st.lists(
    st.one_of(
        *(
            st.builds(
                Project,
                st.just(parse_project(name)),
                st.lists(
                    st.builds(
                        file,
                        st.integers(10 * number, 10 * number + 6),
                        st.sampled_from([None, 1, 2]),
                        st.booleans(),
                    ),
                    unique_by=lambda each: each.path,
                ).map(tuple),
            )
            for number, name in enumerate("abc")
        )
    ),
    unique_by=lambda project: project.name,
)


def everything(store: Store) -> tuple[list[object], list[object]]:
    """Return all that the index's tables hold, but for numbers."""
    projects = "SELECT name, serial, etag, checked_at, gone_at, failure FROM project ORDER BY name"
    files = (
        "SELECT path, p.name, sha256, size, origin, metadata_sha256, upload_time, listed "
        "FROM file JOIN project p ON p.id = project_id ORDER BY path"
    )
    return list(store._each(projects)), list(store._each(files))  # noqa: SLF001


@settings(deadline=None, max_examples=60)
@given(st.lists(PROJECTS, max_size=4))
def test_a_batch_is_as_one_after_the_other(batches: Sequence[Sequence[Project]]) -> None:
    """Rows and serials are the same, whatever was there before."""
    with tempfile.TemporaryDirectory() as folder:
        single, bulk = (Store.open(f"sqlite:///{Path(folder)}/{name}.db") for name in "ab")
        for batch in batches:
            for project in batch:
                single.record(project)
                single.settle(project.name, Settled(7, '"e"', None, 100))
            bulk.record_all(batch)
            bulk.settle_all([(each.name, Settled(7, '"e"', None, 100)) for each in batch])
        assert everything(single) == everything(bulk)
        single.close()
        bulk.close()


def test_many_files_take_statements_of_each_length(tmp_path: Path) -> None:
    """None is left out where statements of several lengths share the work."""
    store = Store.open(f"sqlite:///{tmp_path}/larder.db")
    files = tuple(file(number, 1, companion=False) for number in range(600))
    store.record_all([Project(ProjectName("big"), files)])
    assert len(everything(store)[1]) == len(files)
    assert (1, None) == (store.tracked_count(), store.last_serial())
    assert [("big", None, None, 0)] == list(store.each_state())
    assert list(store.each_listed()) == []
    store.close()


def test_a_file_belongs_to_the_project_that_listed_it_first(tmp_path: Path) -> None:
    """For as long as it does: another's page changes nothing about it before that."""
    store = Store.open(f"sqlite:///{tmp_path}/larder.db")
    six, evil = ProjectName("six"), ProjectName("evil")
    store.record_all([Project(six, (file(1, 10, companion=False),))])
    store.record_all([Project(evil, (file(1, 66, companion=True),))])
    path = file(1, 10, companion=False).path
    known = store.file(path)
    assert known is not None
    assert (six, 10) == (known.project, known.size)
    store.record_all([Project(evil, (file(1, 66, companion=True),)), Project(six)])
    known = store.file(path)
    assert known is not None
    assert (evil, 66) == (known.project, known.size)
    store.close()
