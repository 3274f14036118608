"""From verdicts to pages: what of a project is shown, what is recorded, what is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from app import pages
from app.denials import Denials
from app.filters import Facts, Judge
from app.filters.metadata import facts_of
from app.filters.shown import shown_of
from app.model import Project
from app.names import FilePath, ProjectName
from app.pages import FILES_URL
from app.shelf import PROJECT, Shelf
from app.sources import Sources
from app.store import Filtered


@dataclass(frozen=True, slots=True)
class Screened:
    """A project, and what filters leave of it."""

    # As upstream has it, and as it is shown.
    whole: Project
    shown: Project
    facts: Facts | None
    filtered: Filtered
    # The files that are left out, and those of them whose digest is denied.
    hidden: frozenset[FilePath]
    denied: frozenset[FilePath]

    @property
    def hides(self) -> bool:
        """Whether the page alone does not have all that upstream's has."""
        return self.filtered.hidden is not None or self.shown is not self.whole


class Filtering:
    """Applies the filters to projects, and keeps what they hide."""

    def __init__(self, judge: Judge, sources: Sources, shelf: Shelf, denials: Denials) -> None:
        """Judge so, and keep it there."""
        self.judge = judge
        self.sources, self._shelf, self._denials = sources, shelf, denials

    @property
    def needs_facts(self) -> bool:
        """Whether filters go by what only legacy JSON tells."""
        metadata = self.judge.filters.projects.metadata
        return metadata != type(metadata)()

    def facts(self, legacy: bytes | None) -> Facts | None:
        """Return what legacy JSON says, if there are any filters."""
        if legacy is None or self.judge.empty:
            return None
        known: Mapping[str, Any] | object = orjson.loads(legacy)
        return facts_of(known) if isinstance(known, dict) else None

    def known_facts(self, name: ProjectName) -> Facts | None:
        """Return what is known here of a project's metadata."""
        if self.judge.empty:
            return None
        folder = self._shelf.legacy(name, PROJECT)
        path = self._shelf.find(name, f"{folder}/{PROJECT}") if folder else None
        return self.facts(path.read_bytes()) if path else self.sources.facts(name)

    def screen(self, project: Project, facts: Facts | None, now: int) -> Screened:
        """Return what filters leave of a project."""
        judgement = self.judge.judge(project, facts, now)
        verdict, judge = judgement.project, self.judge
        left = {one.path for one in judgement.shown}
        digests = judge.filters.files.deny_sha256
        return Screened(
            whole=project,
            shown=project if judge.empty else shown_of(project, judgement, judge, now),
            facts=facts,
            filtered=Filtered(
                None if verdict.shown else f"{verdict.rule}: {verdict.reason}",
                judgement.until,
                judgement.metadata_only,
            ),
            hidden=frozenset(file.path for file in project.files if file.path not in left),
            denied=frozenset(file.path for file in project.files if file.sha256 in digests),
        )

    def prepare(self, screened: Screened) -> None:
        """Keep what is about to be hidden; before its record, and its page."""
        self._denials.add(screened.denied)
        if screened.hides:
            ours = pages.with_own_links(screened.whole)
            page = pages.render_json(ours, FILES_URL)
            self.sources.put(screened.whole.name, page, screened.facts)

    def finish(self, screened: Screened) -> None:
        """Forget what is shown again; after its page."""
        if not screened.hides:
            self.sources.remove(screened.whole.name)
