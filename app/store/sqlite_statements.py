"""The statements for SQLite, whose json_each makes rows of a list."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from app.store.statements import SLICE, Row, Run, Statements

_UPSERT = """
INSERT INTO file
    (project_id, path, sha256, size, origin, metadata_sha256, upload_time, provenance, listed)
VALUES {rows}
ON CONFLICT (path) DO UPDATE SET
    project_id = excluded.project_id,
    sha256 = excluded.sha256,
    size = COALESCE(excluded.size, size),
    origin = excluded.origin,
    metadata_sha256 = excluded.metadata_sha256,
    upload_time = excluded.upload_time,
    provenance = excluded.provenance,
    listed = excluded.listed
WHERE listed = 0 OR project_id = excluded.project_id AND (
    (listed = 1) IS NOT (excluded.listed = 1)
    OR sha256 IS NOT excluded.sha256
    OR size IS NOT COALESCE(excluded.size, size)
    OR origin IS NOT excluded.origin
    OR metadata_sha256 IS NOT excluded.metadata_sha256
    OR upload_time IS NOT excluded.upload_time
    OR provenance IS NOT excluded.provenance
)
"""
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
# Every statement gives the interpreter's lock away and must wait to have it back, so
# few long ones are faster than many short ones. Few lengths, so that the connection
# keeps the statements compiled.
_ROWS = tuple((count, _UPSERT.format(rows=", ".join([_ROW] * count))) for count in (256, 32, 4, 1))

# In the order of the table, which has no index by time: each slice ends at a row that was
# looked for, however few of its rows are old.
_END = """
SELECT file, network, time FROM "window"
WHERE (file, network, time) > (?, ?, ?) ORDER BY file, network, time LIMIT 1 OFFSET ?
"""
_CUT = """
DELETE FROM "window" WHERE time < ?
AND (file, network, time) > (?, ?, ?) AND (file, network, time) <= (?, ?, ?)
RETURNING time, file, source
"""
_FIRST = (0, -(1 << 63), 0)
_LAST = (1 << 62, 0, 0)


class SqliteStatements(Statements):
    """In SQLite's words."""

    enter = """
INSERT INTO project (name, status, tries)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), 0 FROM json_each(?) WHERE TRUE
ON CONFLICT (name) DO UPDATE SET gone_at = NULL, gone_serial = NULL, status = excluded.status
WHERE gone_at IS NOT NULL OR gone_serial IS NOT NULL OR status IS NOT excluded.status
"""
    numbers = """
SELECT json_group_object(name, id) FROM project WHERE name IN (SELECT value FROM json_each(?))
"""
    listing = """
SELECT json_group_array(id) FROM project WHERE id IN (SELECT value FROM json_each(?))
AND EXISTS (SELECT 1 FROM file WHERE file.project_id = project.id AND file.listed <> 0)
"""
    unlist = """
UPDATE file SET listed = 0
WHERE project_id = ? AND listed <> 0 AND path NOT IN (SELECT value FROM json_each(?))
AND NOT (? AND EXISTS (SELECT 1 FROM holding WHERE holding.file_id = file.id))
"""
    conceal = """
UPDATE file SET listed = -2
WHERE project_id = ? AND listed = -1
AND EXISTS (SELECT 1 FROM holding WHERE holding.file_id = file.id)
"""
    wish = """
INSERT INTO wish (file_id, rank, score)
SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM file WHERE id = ?1)
"""
    settle = """
UPDATE project SET
    serial = json_extract(page.value, '$[1]'),
    etag = json_extract(page.value, '$[2]'),
    last_modified = json_extract(page.value, '$[3]'),
    checked_at = json_extract(page.value, '$[4]'),
    rendered = json_extract(page.value, '$[5]'),
    legacy = json_extract(page.value, '$[6]'),
    hidden = json_extract(page.value, '$[7]'),
    review_at = json_extract(page.value, '$[8]'),
    metadata_only = json_extract(page.value, '$[9]'),
    failure = NULL,
    failure_kind = NULL,
    failing_since = NULL,
    tries = 0,
    retry_at = NULL
FROM json_each(?) AS page WHERE project.name = json_extract(page.value, '$[0]')
"""

    count_index = """
SELECT COUNT(*), COUNT(failing_since), COALESCE(SUM(CASE WHEN failing_since < ? THEN 1 END), 0),
    MAX(serial)
FROM project WHERE gone_at IS NULL
"""
    mark = """
UPDATE project SET
    rendered = json_extract(page.value, '$[1]'),
    hidden = json_extract(page.value, '$[2]'),
    legacy = CASE WHEN json_extract(page.value, '$[2]') IS NULL THEN legacy END,
    review_at = json_extract(page.value, '$[3]'),
    metadata_only = json_extract(page.value, '$[4]')
FROM json_each(?) AS page WHERE project.name = json_extract(page.value, '$[0]')
"""
    # By the index of what is not listed; ordered by `path` alone, SQLite would rather go
    # through all files by their paths.
    withdrawn = """
SELECT path, root, bytes
FROM (
    SELECT id, path FROM file WHERE listed = 0
    UNION ALL SELECT id, path FROM file WHERE listed = -2
) AS gone
JOIN holding ON holding.file_id = gone.id
JOIN tier ON tier.id = holding.tier_id
ORDER BY +path
"""
    # A scan of the table, some 0.3 s for 800,000 rows: the index by name would be walked
    # only to have the order, and cost a look into the table for each row. What is found is
    # sorted.
    outdated = """
SELECT name, rendered IS NOT ?1 OR COALESCE(review_at <= ?2, FALSE),
    ?3 AND legacy IS NULL AND failure IS NULL AND hidden IS NULL FROM project
WHERE gone_at IS NULL AND checked_at IS NOT NULL AND (
    rendered IS NOT ?1
    OR review_at <= ?2
    OR ?3 AND legacy IS NULL AND failure IS NULL AND hidden IS NULL
)
ORDER BY +name
"""

    def upserts(self, rows: Sequence[Row]) -> Iterator[tuple[str, Iterable[Any]]]:
        """Yield long statements while there are rows for them, then shorter ones."""
        start = 0
        for count, sql in _ROWS:
            while len(rows) - start >= count:
                yield sql, chain.from_iterable(rows[start : start + count])
                start += count

    def cut_windows(self, run: Run, before: int, after: Row) -> tuple[Sequence[Row], Row | None]:
        """Go through the table in its order."""
        start = after or _FIRST
        end: Row | None = run(_END, *start, SLICE).fetchone()
        return run(_CUT, before, *start, *(end or _LAST)).fetchall(), end
