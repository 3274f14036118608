"""The statements for PostgreSQL, which takes a list of each column."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from app.store.statements import SLICE, Row, Run, Statements

_UPDATE = """
UPDATE file SET
    project_id = new.project_id,
    sha256 = new.sha256,
    size = COALESCE(new.size, file.size),
    origin = new.origin,
    metadata_sha256 = new.metadata_sha256,
    upload_time = new.upload_time,
    provenance = new.provenance,
    listed = new.listed
FROM unnest(%s::int[], %s::text[], %s::text[], %s::bigint[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::int[])
AS new (project_id, path, sha256, size, origin, metadata_sha256, upload_time, provenance, listed)
WHERE file.path = new.path AND (file.listed = 0 OR file.project_id = new.project_id AND (
    (file.listed = 1) <> (new.listed = 1)
    OR file.sha256 IS DISTINCT FROM new.sha256
    OR file.size IS DISTINCT FROM COALESCE(new.size, file.size)
    OR file.origin IS DISTINCT FROM new.origin
    OR file.metadata_sha256 IS DISTINCT FROM new.metadata_sha256
    OR file.upload_time IS DISTINCT FROM new.upload_time
    OR file.provenance IS DISTINCT FROM new.provenance
))
"""
# ON CONFLICT would use up a number of `file` for each row that is there already, and
# within a few years all of them.
_INSERT = """
INSERT INTO file
    (project_id, path, sha256, size, origin, metadata_sha256, upload_time, provenance, listed)
SELECT new.* FROM unnest(%s::int[], %s::text[], %s::text[], %s::bigint[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::int[])
AS new (project_id, path, sha256, size, origin, metadata_sha256, upload_time, provenance, listed)
WHERE NOT EXISTS (SELECT 1 FROM file WHERE file.path = new.path)
"""

# By the rows' places: without a look at those that stay.
_CUT = """
DELETE FROM "window"
WHERE ctid = ANY(ARRAY(SELECT ctid FROM "window" WHERE time < %s LIMIT %s))
RETURNING time, file, source
"""


class PostgresqlStatements(Statements):
    """In PostgreSQL's words."""

    enter = """
INSERT INTO project (name, status, tries)
SELECT entry->>0, entry->>1, 0 FROM json_array_elements(%s::json) AS entry
ON CONFLICT (name) DO UPDATE SET gone_at = NULL, gone_serial = NULL, status = excluded.status
WHERE project.gone_at IS NOT NULL OR project.gone_serial IS NOT NULL
    OR project.status IS DISTINCT FROM excluded.status
"""
    numbers = """
SELECT COALESCE(json_object_agg(name, id)::text, '{}') FROM project
WHERE name IN (SELECT json_array_elements_text(%s::json))
"""
    listing = """
SELECT COALESCE(json_agg(id)::text, '[]') FROM project
WHERE id IN (SELECT json_array_elements_text(%s::json)::int)
AND EXISTS (SELECT 1 FROM file WHERE file.project_id = project.id AND file.listed <> 0)
"""
    unlist = """
UPDATE file SET listed = 0
WHERE project_id = %s AND listed <> 0
AND path NOT IN (SELECT json_array_elements_text(%s::json))
AND NOT (%s AND EXISTS (SELECT 1 FROM holding WHERE holding.file_id = file.id))
"""
    conceal = """
UPDATE file SET listed = -2
WHERE project_id = %s AND listed = -1
AND EXISTS (SELECT 1 FROM holding WHERE holding.file_id = file.id)
"""
    wish = """
INSERT INTO wish (file_id, rank, score)
SELECT new.* FROM unnest(%s::int[], %s::int[], %s::float8[]) AS new (file, rank, score)
WHERE EXISTS (SELECT 1 FROM file WHERE file.id = new.file)
"""
    settle = """
UPDATE project SET
    serial = (page->>1)::bigint,
    etag = page->>2,
    last_modified = page->>3,
    checked_at = (page->>4)::bigint,
    rendered = page->>5,
    legacy = (page->>6)::int,
    hidden = page->>7,
    review_at = (page->>8)::bigint,
    metadata_only = (page->>9)::int,
    failure = NULL,
    failure_kind = NULL,
    failing_since = NULL,
    tries = 0,
    retry_at = NULL
FROM json_array_elements(%s::json) AS page WHERE project.name = page->>0
"""

    count_index = """
SELECT COUNT(*), COUNT(failing_since), COALESCE(SUM(CASE WHEN failing_since < %s THEN 1 END), 0),
    MAX(serial)
FROM project WHERE gone_at IS NULL
"""
    mark = """
UPDATE project SET
    rendered = page->>1,
    hidden = page->>2,
    legacy = CASE WHEN page->>2 IS NULL THEN legacy END,
    review_at = (page->>3)::bigint,
    metadata_only = (page->>4)::int
FROM json_array_elements(%s::json) AS page WHERE project.name = page->>0
"""
    withdrawn = """
SELECT path, root, bytes
FROM (
    SELECT id, path FROM file WHERE listed = 0
    UNION ALL SELECT id, path FROM file WHERE listed = -2
) AS gone
JOIN holding ON holding.file_id = gone.id
JOIN tier ON tier.id = holding.tier_id
ORDER BY path
"""
    outdated = """
SELECT name, stale, missing FROM (
    SELECT name,
        rendered IS DISTINCT FROM %s OR COALESCE(review_at <= %s, FALSE) AS stale,
        %s::boolean AND legacy IS NULL AND failure IS NULL AND hidden IS NULL AS missing
    FROM project WHERE gone_at IS NULL AND checked_at IS NOT NULL
) AS here
WHERE stale OR missing ORDER BY name
"""

    def upserts(self, rows: Sequence[Row]) -> Iterator[tuple[str, Iterable[Any]]]:
        """Yield statements for all rows at once, but for a path that comes again."""
        for part in _rounds(rows):
            columns = [list(column) for column in zip(*part, strict=True)]
            yield _UPDATE, columns
            yield _INSERT, columns

    def cut_windows(self, run: Run, before: int, after: Row) -> tuple[Sequence[Row], Row | None]:
        """Delete the first that are found."""
        rows: list[Row] = run(_CUT, before, SLICE).fetchall()
        return rows, after if len(rows) == SLICE else None


def _rounds(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Part the rows so that each round has a path once: a statement sees none of its own."""
    rounds: list[list[Row]] = []
    seen: Counter[str] = Counter()
    for row in rows:
        number = seen[row[1]]
        seen[row[1]] += 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(row)
    yield from rounds
