"""What `larder fetch` is asked for, with all that it needs: releases, for every target."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from packaging.version import Version

from app.choosing import Target
from app.gathering import Choice, Gathered, Wanted, parse_release
from app.names import ProjectName
from app.resolving import Question, Release, Resolver, ResolverStoppedError, UnresolvableError
from jobs.exit_codes import JobError
from jobs.fetch_request import Request

_MOST_RESOLVERS = 8


class UnfetchableError(JobError):
    """Something cannot be had; `larder fetch --ignore-errors` goes on without it."""


Refuse = Callable[[str, str], None]
"""Told of something that cannot be had: what, and why. It raises where nobody goes on."""


@dataclass(slots=True)
class _Found:
    wanted: dict[ProjectName, Wanted] = field(default_factory=dict)

    def of(self, name: ProjectName) -> Wanted:
        return self.wanted.setdefault(name, Wanted())


class Closure:
    """Resolves what is asked for."""

    def __init__(self, resolver: Resolver, request: Request, refuse: Refuse) -> None:
        """Ask so; what cannot be had, `refuse` is told."""
        self._resolver, self._request, self._refuse = resolver, request, refuse
        # What filters hide, as constraints; and in words, for when nothing else will do.
        self._excluded: set[str] = set()
        self._reasons: dict[ProjectName, str] = {}

    def exclude(self, gathered: Gathered, choices: Iterable[Choice]) -> bool:
        """Resolve past what filters hide of a project; whether that may come to other releases."""
        before = len(self._excluded)
        for choice in choices:
            if choice.filtered:
                versions = {choice.version, *map(str, gathered.hidden_versions)}
                self._excluded |= {f"{choice.project}!={version}" for version in versions}
                why = f"{choice.project} {choice.version} is hidden by {choice.reason}"
                self._reasons.setdefault(choice.project, why)
        return len(self._excluded) > before

    def wanted(self) -> dict[ProjectName, Wanted]:
        """Return what is wanted of each project."""
        found = _Found()
        for one in self._request.asked:
            if one.filename is not None:
                found.of(one.project).filenames.add(one.filename)
        self._add_locked(found)
        for release in self._resolved():
            version = parse_release(release.version)
            if version is None:
                self._refuse(release.project, f"{release.version!r} is no version")
            else:
                found.of(release.project).versions.add(version)
        if self._request.all_versions:
            for one in self._request.named():
                found.of(one.project)
        return found.wanted

    def add_all_versions(self, gathered: Gathered, wanted: Wanted) -> None:
        """Add the releases of a project that are named, where all of them are wanted."""
        if not self._request.all_versions:
            return
        for one in self._request.named():
            if one.project == gathered.name:
                prereleases = self._request.prereleases
                wanted.versions.update(one.admits(gathered.versions, prereleases=prereleases))

    def _add_locked(self, found: _Found) -> None:
        """Add what locks name: one release each, and those of its files that it has digests of."""
        for rule in self._request.locked:
            version = _exact(str(rule.specifiers))
            if rule.name.exact is None or version is None:
                self._refuse(rule.text, "the lock has no version of it")
                continue
            wanted = found.of(ProjectName(rule.name.exact))
            wanted.versions.add(version)
            if rule.hashes:
                digests = {*wanted.digests.get(version, ()), *rule.hashes}
                wanted.digests[version] = digests

    def _resolved(self) -> Iterator[Release]:
        """Yield what every question comes to on every target, side by side."""
        tasks = [
            partial(self._ask, question, target)
            for question in self._request.questions()
            for target in self._request.targets
        ]
        cores = min(len(os.sched_getaffinity(0)), _MOST_RESOLVERS)
        try:
            with ThreadPoolExecutor(cores) as threads:
                for releases in threads.map(lambda task: task(), tasks):
                    yield from releases
        except ResolverStoppedError as error:
            raise JobError("it was stopped while uv resolved") from error

    def _ask(self, question: Question, target: Target) -> set[Release]:
        """Return what a question comes to; where that is nothing, each part of it by itself."""
        try:
            excluded = tuple(sorted(self._excluded))
            return set(self._resolver.resolve(replace(question, excluded=excluded), target))
        except UnresolvableError as error:
            reason = "; ".join([f"{target}: {error}", *self._reasons.values()])
            parts = self._parts(question)
            if len(parts) < 2:  # noqa: PLR2004  one part is the question itself
                what = " ".join([*question.requirements, *map(str, question.files)])
                self._refuse(what, reason)
                return set()
            self._refuse("", reason)
        return set().union(*(self._ask(part, target) for part in parts))

    def _parts(self, question: Question) -> list[Question]:
        make = self._request.question
        single = [make([one], []) for one in question.requirements]
        return [*single, *(make([], [path]) for path in question.files)]


def _exact(specifiers: str) -> Version | None:
    return parse_release(specifiers.removeprefix("=="))
