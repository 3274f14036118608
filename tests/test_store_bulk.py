"""Many projects at once: as one after the other."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.model import File, Project
from app.names import ProjectName, parse_file_path, parse_filename, parse_project
from app.store import Failure, Settled, Store
from tests.conftest import NewDatabase


def file(
    number: int,
    size: int | None,
    companion: bool,  # noqa: FBT001
    provenance: str | None = None,
) -> File:
    """Return a file; of one number several may be made, which differ."""
    name = parse_filename(f"f-{number}.whl")
    path = parse_file_path(f"aa/bb/{number:060x}/{name}")
    metadata = {"sha256": "1" * 64} if companion else None
    return File(
        name,
        path,
        {"sha256": f"{number:064x}"},
        size=size,
        core_metadata=metadata,
        provenance=provenance,
    )


NAMES = [parse_project(name) for name in "abc"]
NUMBERS = st.integers(0, 2)
# Each with whether to keep what is held of it.
PROJECTS = st.lists(
    st.one_of(
        *(
            st.tuples(
                st.builds(
                    Project,
                    st.just(name),
                    st.lists(
                        st.builds(
                            file,
                            st.integers(10 * number, 10 * number + 6),
                            st.sampled_from([None, 1, 2]),
                            st.booleans(),
                            st.sampled_from([None, "https://example.org/p"]),
                        ),
                        unique_by=lambda each: each.path,
                    ).map(tuple),
                    status=st.sampled_from([None, "archived", "quarantined"]),
                ),
                st.booleans(),
            )
            for number, name in enumerate(NAMES)
        )
    ),
    unique_by=lambda entry: entry[0].name,
)
# What comes between two batches.
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("bury"), NUMBERS, st.sampled_from([None, 5]), st.booleans()),
        st.tuples(st.just("fail"), NUMBERS),
        st.tuples(st.just("hold"), NUMBERS, st.integers(0, 6)),
    ),
    max_size=4,
)
SETTLED = Settled(7, '"e"', None, 100)


def happen(store: Store, event: tuple[Any, ...]) -> None:
    """Let something happen to a project."""
    match event:
        case ("bury", number, serial, keep):
            store.bury(NAMES[number], serial, 50, keep_held=keep)
        case ("fail", number):
            store.fail(NAMES[number], Failure("stale", "a stale copy", 60, 120))
        case ("hold", number, index):
            path = file(10 * number + index, None, companion=False).path
            if store.file(path):
                store.hold(path, "/hot", 10)


def everything(store: Store) -> tuple[list[object], list[object]]:
    """Return all that the index's tables hold, but for numbers."""
    projects = (
        "SELECT name, serial, etag, last_modified, checked_at, gone_at, gone_serial, status, "
        "failure, failure_kind, failing_since, tries, retry_at FROM project ORDER BY name"
    )
    files = (
        "SELECT path, p.name, sha256, size, sized_at, origin, metadata_sha256, upload_time, "
        "provenance, listed FROM file JOIN project p ON p.id = project_id ORDER BY path"
    )
    return list(store._sql(projects)), list(store._sql(files))  # noqa: SLF001


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(PROJECTS, EVENTS), max_size=4))
def test_a_batch_is_as_one_after_the_other(
    new_database: NewDatabase,
    batches: Sequence[tuple[Sequence[tuple[Project, bool]], Sequence[tuple[Any, ...]]]],
) -> None:
    """Rows and serials are the same, whatever was there before."""
    single, bulk = (Store.open(new_database()) for _ in range(2))
    for batch, events in batches:
        for project, keep in batch:
            single.record(project, keep_held=keep)
        bulk.record_all(batch)
        assert everything(single) == everything(bulk)
        for project, _ in batch:
            single.settle(project.name, SETTLED)
        bulk.settle_all([(project.name, SETTLED) for project, _ in batch])
        for store in (single, bulk):
            for event in events:
                happen(store, event)
    assert everything(single) == everything(bulk)
    single.close()
    bulk.close()


def test_words_of_upstreams_may_be_any(store: Store) -> None:
    """A NUL in one project's words costs neither it nor the others anything."""
    store.record_all([(Project(name, status="a\0b"), False) for name in NAMES])
    store.record(Project(NAMES[0], status="c\0d"))
    store.fail(NAMES[1], Failure("untrusted", "it is a \0", 1, 2))
    found = {project.name: (project.status, project.failure) for project in store.tracked()}
    assert {
        NAMES[0]: ("c\ufffdd", None),
        NAMES[1]: ("a\ufffdb", "it is a \ufffd"),
        NAMES[2]: ("a\ufffdb", None),
    } == found


def test_many_files_take_statements_of_each_length(store: Store) -> None:
    """None is left out where statements of several lengths share the work."""
    files = tuple(file(number, 1, companion=False) for number in range(600))
    store.record_all([(Project(ProjectName("big"), files), False)])
    assert len(everything(store)[1]) == len(files)
    assert (1, None) == (store.count_tracked(), store.last_serial())


def test_a_file_belongs_to_the_project_that_listed_it_first(store: Store) -> None:
    """For as long as it does: another's page changes nothing about it before that."""
    six, evil = ProjectName("six"), ProjectName("evil")
    store.record_all([(Project(six, (file(1, 10, companion=False),)), False)])
    store.record_all([(Project(evil, (file(1, 66, companion=True),)), False)])
    path = file(1, 10, companion=False).path
    known = store.file(path)
    assert known is not None
    assert (six, 10) == (known.project, known.size)
    theirs = Project(evil, (file(1, 66, companion=True),))
    store.record_all([(theirs, False), (Project(six), False)])
    known = store.file(path)
    assert known is not None
    assert (evil, 66) == (known.project, known.size)
