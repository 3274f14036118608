"""From releases to files: a project's page as it is now, and what of it is wanted."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from packaging.version import InvalidVersion, Version

from app.choosing import Kinds, Target, usable
from app.filters import Facts, Judge, Judged, filenames
from app.index import Index
from app.model import File, Project
from app.names import Filename, ProjectName
from app.rerender import LostPageError
from app.store import Store
from app.upstream import Upstream, Validators


@dataclass(frozen=True, slots=True)
class Gathered:
    """A project as upstream has it now, judged."""

    name: ProjectName
    # None where filters let the project through; else which hides it, and why.
    hidden: str | None
    files: Sequence[Judged]
    # Its files are never held, as filters have it.
    metadata_only: bool
    # Whether the page that is here is of before, and whether there is one.
    changed: bool
    here: bool

    @property
    def versions(self) -> set[Version]:
        """The versions of the files that are let through."""
        return {version for one in self.files if one.verdict.shown if (version := _version(one))}

    @property
    def hidden_versions(self) -> set[Version]:
        """The versions none of whose files are let through."""
        every = {version for one in self.files if (version := _version(one))}
        return every - self.versions


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a project is wanted."""

    # The releases whose files are wanted, and single files.
    versions: set[Version] = field(default_factory=set)
    filenames: set[Filename] = field(default_factory=set)
    # Where a lock names digests, its releases' other files are not meant.
    digests: dict[Version, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """The files of one release that are wanted."""

    project: ProjectName
    version: str
    files: tuple[File, ...]
    # Why there is none, and whether that is filters' doing, who let other releases through.
    reason: str = ""
    filtered: bool = False


class Gathering:
    """Looks projects up, here or upstream; nothing is changed."""

    def __init__(
        self,
        store: Store,
        upstream: Upstream,
        index: Index,
        judge: Judge,
        clock: Callable[[], float],
    ) -> None:
        """Put the parts together."""
        self._store, self._upstream, self._index = store, upstream, index
        self._judge, self._clock = judge, clock

    def gather(self, name: ProjectName) -> Gathered:
        """Return a project; its page is read here where upstream says that it is the same.

        Raises:
            NoSuchProject: Upstream has no such project.
            UpstreamError: Upstream cannot be asked, or cannot be believed.

        """
        verdict = self._judge.project_by_name(name)
        if not verdict.shown:
            hidden = f"{verdict.rule}: {verdict.reason}"
            return Gathered(name, hidden, (), metadata_only=False, changed=False, here=False)
        known = self._store.tracked_project(name)
        here = known is not None and known.checked_at is not None
        if known is not None and here:
            validators = Validators(known.etag, known.last_modified)
            fetched = self._upstream.project(name, validators)
            if fetched is None:
                try:
                    screened = self._index.screened(known)
                except LostPageError:
                    return self._fresh(name, self._fetched(name), here=True)
                return self._judged(screened.whole, screened.facts, changed=False, here=True)
            return self._fresh(name, fetched.project, here=True)
        return self._fresh(name, self._fetched(name), here=False)

    def _fetched(self, name: ProjectName) -> Project:
        fetched = self._upstream.project(name)
        # Without validators there is no answer but a page.
        assert fetched is not None  # noqa: S101
        return fetched.project

    def _fresh(self, name: ProjectName, project: Project, *, here: bool) -> Gathered:
        legacy = None if self._judge.empty else self._upstream.legacy(name)
        facts = self._index.facts(legacy.body if legacy else None)
        return self._judged(project, facts, changed=True, here=here)

    def _judged(
        self, project: Project, facts: Facts | None, *, changed: bool, here: bool
    ) -> Gathered:
        judgement = self._judge.judge(project, facts, int(self._clock()))
        verdict = judgement.project
        hidden = None if verdict.shown else f"{verdict.rule}: {verdict.reason}"
        return Gathered(
            project.name, hidden, judgement.files, judgement.metadata_only, changed, here
        )


def choose(
    gathered: Gathered, wanted: Wanted, targets: Collection[Target], kinds: Kinds
) -> list[Choice]:
    """Return the files that are wanted of a project, release by release, the oldest first.

    Those of its wanted releases that any target can use, and those that are named.
    """
    choices: list[Choice] = []
    single = {_version(one) for one in gathered.files if one.file.filename in wanted.filenames}
    for version in sorted({*wanted.versions, *(one for one in single if one)}):
        known = [one for one in gathered.files if _version(one) == version]
        choices.append(_choice(gathered, version, _meant(known, version, wanted, targets, kinds)))
    found = {one.file.filename for one in gathered.files}
    for missing in sorted(wanted.filenames - found):
        version_text = str(filenames.read(missing).version)
        reason = gathered.hidden or f"upstream has no file {missing}"
        choices.append(Choice(gathered.name, version_text, (), reason))
    return choices


def _meant(
    known: Sequence[Judged],
    version: Version,
    wanted: Wanted,
    targets: Collection[Target],
    kinds: Kinds,
) -> list[Judged]:
    right = set[Filename]()
    if version in wanted.versions:
        digests = wanted.digests.get(version)
        files = [one.file for one in known if digests is None or one.file.sha256 in digests]
        right = {file.filename for file in usable(files, targets, kinds)}
    return [one for one in known if one.file.filename in right | wanted.filenames]


def _choice(gathered: Gathered, version: Version, meant: Sequence[Judged]) -> Choice:
    name = gathered.name
    if gathered.hidden:
        return Choice(name, str(version), (), f"it is hidden by {gathered.hidden}")
    if gathered.metadata_only:
        return Choice(name, str(version), (), "filters.projects.metadata_only: no file is held")
    files = tuple(one.file for one in meant if one.verdict.shown and one.file.sha256)
    if files:
        return Choice(name, str(version), files)
    out = next((one.verdict for one in meant if not one.verdict.shown), None)
    if out:
        return Choice(name, str(version), (), f"{out.rule}: {out.reason}", filtered=True)
    reason = "no file tells its SHA-256" if meant else "it has no file that a target can use"
    return Choice(name, str(version), (), reason)


def _version(one: Judged) -> Version | None:
    return filenames.read(one.file.filename).version


def parse_release(text: str) -> Version | None:
    """Return a version as a resolver or a lock has it; None where it is none (PEP 440)."""
    try:
        return Version(text)
    except InvalidVersion:
        return None
