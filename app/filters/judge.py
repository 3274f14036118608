"""From rules and a page of upstream's to verdicts: the one place where all rules meet."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from packaging.version import Version

from app.filters import filenames
from app.filters.ages import judge_age
from app.filters.file_rules import judge_digest, judge_name, judge_size
from app.filters.filenames import Named
from app.filters.project_rules import judge_whole
from app.filters.rulebook import RuleBook
from app.filters.rules import Filters, Waiver
from app.filters.texts import Rule
from app.filters.verdicts import IN, Facts, Judged, Judgement, Verdict
from app.model import File, Project

_ALLOW = "filters.projects.allow"
_DENY = "filters.projects.deny"


class Judge:
    """The filters, ready to be asked."""

    def __init__(self, filters: Filters) -> None:
        """Sort the rules by the names that they are about."""
        self.filters = filters
        projects, releases = filters.projects, filters.releases
        self._allow = RuleBook((*projects.allow, *projects.required))
        self._selective = bool(self._allow) or projects.listed
        self._deny = RuleBook(projects.deny)
        self._metadata_only = RuleBook(projects.metadata_only)
        self._prereleases_of = RuleBook(releases.prereleases_of)
        self._waivers = {waiver.what: waiver for waiver in releases.ages.waivers}
        self._waived = RuleBook(self._waivers)

    @property
    def empty(self) -> bool:
        """Whether there are no filters."""
        return self.filters.empty

    @property
    def names(self) -> frozenset[str]:
        """The projects that are allowed by name, and not denied."""
        return frozenset(name for name in self._allow.names if self.project_by_name(name).shown)

    @property
    def open(self) -> bool:
        """Whether more projects may be allowed than those: by glob, or because all are."""
        return self._allow.open or not self._selective

    @property
    def needs_pages(self) -> bool:
        """Whether a file's name is not enough to judge it: its age counts, or its digest."""
        ages, files = self.filters.releases.ages, self.filters.files
        return not ages.min_age is ages.max_age is ages.freeze is None or bool(files.deny_sha256)

    def project_by_name(self, name: str) -> Verdict:
        """Return the verdict on a project of which nothing but the name is known."""
        denied = next((rule for rule in self._deny.of(name) if rule.whole), None)
        if denied:
            return Verdict(shown=False, rule=_DENY, reason=f"{denied.text} denies {name}")
        if self._selective and not self._allow.of(name):
            return Verdict(shown=False, rule=_ALLOW, reason=f"nothing allows {name}")
        return IN

    def metadata_only(self, name: str) -> bool:
        """Whether a project's files are never held."""
        return bool(self._metadata_only.of(name))

    def never_held(self, filename: str) -> bool:
        """Whether a file is of a project whose files are never held, by its name."""
        if not self._metadata_only:
            return False
        project = filenames.read(filename).project
        return project is not None and self.metadata_only(project)

    def judge(self, project: Project, facts: Facts | None, now: int) -> Judgement:
        """Return what becomes of a page of upstream's, file by file."""
        name = project.name
        if self.empty:
            return Judgement(IN, [Judged(file, IN) for file in project.files], None, False)  # noqa: FBT003
        verdict = self.project_by_name(name)
        if verdict.shown:
            versions = project.versions
            count = _count(project.files) if versions is None else len(versions)
            verdict = judge_whole(self.filters.projects, project.files, count, facts)
        bench = _Bench(self, name, now)
        judged = [Judged(file, bench.file(file)) for file in project.files]
        judged = _newest(judged, self.filters.releases.newest)
        moments = [one.verdict.until for one in judged if one.verdict.until is not None]
        until = min(moments, default=None)
        return Judgement(verdict, judged, until, self.metadata_only(name))

    def release(self, name: str, version: Version | None, now: int) -> Verdict:
        """Return the verdict on a release of which no file is known."""
        return _Bench(self, name, now).release(version)

    def known_file(self, name: str, file: File, now: int) -> Verdict:
        """Return the verdict on a file by itself, and on its project by name."""
        verdict = self.project_by_name(name)
        return verdict if not verdict.shown else _Bench(self, name, now).file(file)

    def unknown_file(self, filename: str, now: int) -> Verdict:
        """Return the verdict on a file that no page lists: by its name, and never on trust.

        A rule that needs to know more of a file keeps it out, where it is about age; a digest
        that nobody knows is on no list.
        """
        named = filenames.read(filename)
        if named.project is None:
            what = "filters.projects.allow" if self._selective else ""
            return Verdict(not what, what, "its name tells no project") if what else IN
        verdict = self.project_by_name(named.project)
        if not verdict.shown:
            return verdict
        return _Bench(self, named.project, now).named(filename, named, None)

    def waivers(self, name: str) -> list[Waiver]:
        """Return the exceptions that are about a project."""
        return [self._waivers[rule] for rule in self._waived.of(name)]

    def allowing(self, name: str) -> list[Rule]:
        """Return the rules that let a project through; empty where none is needed."""
        return self._allow.of(name) if self._selective else []

    def denying(self, name: str) -> list[Rule]:
        """Return the rules that take releases of a project away."""
        return self._deny.of(name)

    def keeps_prereleases(self, name: str) -> list[Rule]:
        """Return the rules that let pre-releases of a project through."""
        return self._prereleases_of.of(name)


class _Bench:
    """The rules about one project, for its files one after the other."""

    def __init__(self, judge: Judge, name: str, now: int) -> None:
        self._filters, self._now = judge.filters, now
        self._allow, self._deny = judge.allowing(name), judge.denying(name)
        self._prereleases, self._waivers = judge.keeps_prereleases(name), judge.waivers(name)
        # Most filters never need to know what a name tells.
        releases, files = judge.filters.releases, judge.filters.files
        self._reads = bool(
            any(not rule.whole for rule in (*self._allow, *self._deny))
            or not releases.prereleases
            or releases.ages.waivers
            or files.kinds
            or files.pythons
            or files.abis
            or files.platforms
        )

    def file(self, file: File) -> Verdict:
        """Return the verdict on a file, but for what depends on the others."""
        verdict = judge_digest(self._filters.files, file.sha256)
        if not verdict.shown:
            return verdict
        named = filenames.read(file.filename) if self._reads else _UNREAD
        if file.yanked is not False and not self._filters.releases.yanked:
            return Verdict(shown=False, rule="filters.releases.yanked", reason="it is yanked")
        verdict = judge_size(self._filters.files, file)
        return self.named(file.filename, named, file) if verdict.shown else verdict

    def named(self, filename: str, named: Named, file: File | None) -> Verdict:
        """Return the verdict by name and age; `file` is None where no page lists it."""
        verdicts = (
            self.release(named.version, file.sha256 if file else None),
            judge_name(self._filters.files, filename, named),
        )
        out = next((verdict for verdict in verdicts if not verdict.shown), None)
        if out:
            return out
        ages, uploaded = self._filters.releases.ages, file.upload_time if file else None
        return judge_age(ages, self._waivers, uploaded, named.version, self._now)

    def release(self, version: Version | None, sha256: str | None = None) -> Verdict:
        """Return the verdict on a release, and on a file's digest where a lock names them."""
        if self._allow and not any(_meant(rule, version, sha256) for rule in self._allow):
            reason = f"{_texts(self._allow)} does not allow {_shown(version)}"
            return Verdict(shown=False, rule=_ALLOW, reason=reason)
        denied = next((rule for rule in self._deny if rule.takes(version)), None)
        if denied:
            reason = f"{denied.text} denies {_shown(version)}"
            return Verdict(shown=False, rule=_DENY, reason=reason)
        if not self._filters.releases.prereleases:
            return self._judge_prerelease(version)
        return IN

    def _judge_prerelease(self, version: Version | None) -> Verdict:
        rule = "filters.releases.prereleases"
        if version is None:
            reason = "its name has no version (PEP 440), so it may be a pre-release"
            return Verdict(shown=False, rule=rule, reason=reason)
        if version.is_prerelease and not any(one.takes(version) for one in self._prereleases):
            return Verdict(shown=False, rule=rule, reason=f"{version} is a pre-release")
        return IN


_UNREAD = Named("", None, None)


def _meant(rule: Rule, version: Version | None, sha256: str | None) -> bool:
    if rule.hashes and sha256 not in rule.hashes and sha256 is not None:
        return False
    return rule.takes(version)


def _newest(judged: Sequence[Judged], count: int | None) -> list[Judged]:
    """Keep the newest releases of those that are left, by PEP 440's order."""
    if count is None:
        return list(judged)
    versions = {filenames.read(one.file.filename).version for one in judged if one.verdict.shown}
    kept = set(sorted(filter(None, versions), reverse=True)[:count])
    return [
        one
        if not one.verdict.shown or filenames.read(one.file.filename).version in kept
        else replace(one, verdict=_too_old(count, one.verdict.until))
        for one in judged
    ]


def _too_old(count: int, until: int | None) -> Verdict:
    rule, reason = "filters.releases.newest", f"it is not of the newest {count} releases"
    return Verdict(shown=False, rule=rule, reason=reason, until=until)


def _count(files: Iterable[File]) -> int:
    return len({filenames.read(file.filename).version for file in files})


def _texts(rules: Sequence[Rule]) -> str:
    first = ", ".join(rule.text for rule in rules[:3])
    return f"{first}, …" if len(rules) > len(rules[:3]) else first


def _shown(version: Version | None) -> str:
    return "a file whose version is not known" if version is None else str(version)
