"""Entry point of `larder fetch`."""

import argparse
import logging
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import ClassVar

from app.gathering import Choice, Gathered, Gathering, choose
from app.model import File, room_for
from app.names import FilePath, ProjectName
from app.planning import PinFacts, plan_pins
from app.steps import AddProject, Adopt, Fetch, PinFiles, RevalidateProject, Step, WriteRoot
from app.survey import Survey
from app.upstream import NoSuchProject, UpstreamError, UpstreamUnavailable, UpstreamUntrusted
from jobs.bringing import OneProject, bring
from jobs.closure import Closure, UnfetchableError
from jobs.exit_codes import TryLaterError
from jobs.fetch_request import Request, add_options, read_request
from jobs.harness import main
from jobs.ledger import Ledger
from jobs.move import MoveFiles
from jobs.parts import Parts
from jobs.root_list import RootList
from jobs.running import Report
from jobs.summary import Summary

_ROUNDS = 20
"""So often is it resolved anew, past what filters hide of what it came to before."""

logger = logging.getLogger("larder")


class FetchFiles(MoveFiles):
    """Download requirements with all that they depend on, and keep the files: they are pinned.

    uv resolves them for every Python and platform that is named; every file that one of
    those can use is downloaded and checked. A file that is here is not downloaded again.
    """

    name = "fetch"
    # It evicts what is in the way, as `move` does.
    besides: ClassVar[tuple[str, ...]] = ("move",)

    def __init__(self, parts: Parts, options: argparse.Namespace) -> None:
        """Remember the parts; nothing is opened yet."""
        super().__init__(parts, options)
        self._ledger = Ledger()

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add what is asked for."""
        add_options(parser)

    @cached_property
    def _request(self) -> Request:
        return read_request(self.options)

    def plan(self) -> Sequence[Step]:
        """Return what brings the files here that are asked for."""
        try:
            return self._plan()
        except UnfetchableError:
            # Where upstream is away, that is the reason, whatever uv made of it.
            with suppress(NoSuchProject, UpstreamUntrusted):
                for one in islice(self._request.named(), 1):
                    self.parts.upstream.project(one.project)
            raise

    def _plan(self) -> Sequence[Step]:
        closure = Closure(
            self.parts.resolver(traces=not self.options.dry_run), self._request, self._refuse
        )
        gathered: dict[ProjectName, Gathered] = {}
        choices = self._choices(closure, gathered)
        for _ in range(_ROUNDS):
            # Each of them is asked to exclude what is hidden of it.
            news = [closure.exclude(gathered[name], found) for name, found in choices.items()]
            if not any(news):
                break
            choices = self._choices(closure, gathered)
        for found in choices.values():
            for choice in found:
                self._note(choice)
        steps = self._steps(gathered)
        if self.options.url_list:
            lines = "".join(f"{one.url}\n" for one in self._ledger.summary().downloads)
            self.options.url_list.write_text(lines)
        return steps

    def _choices(
        self, closure: Closure, gathered: dict[ProjectName, Gathered]
    ) -> dict[ProjectName, list[Choice]]:
        """Return what is wanted now, project by project; what was gathered stays so."""
        wanted = closure.wanted()
        gathered |= self._gather(wanted.keys() - gathered.keys())
        choices: dict[ProjectName, list[Choice]] = {}
        for name in sorted(wanted.keys() & gathered.keys()):
            one = gathered[name]
            closure.add_all_versions(one, wanted[name])
            choices[name] = choose(one, wanted[name], self._request.targets, self._request.kinds)
        return choices

    def execute(self, step: Step) -> None:
        """Carry out one step."""
        if isinstance(step, OneProject):
            bring(self.parts.index, step)
            return
        match step:
            case PinFiles(paths, reason):
                self.parts.store.pin(paths, reason, int(time.time()))
            case WriteRoot():
                RootList(self.parts).write()
            case Fetch(path):
                self._tell_size(path)
                super().execute(step)
                self._ledger.fetched(path)
            case _:
                super().execute(step)

    def conclude(self, report: Report) -> None:
        """Note what failed, release by release."""
        self._ledger.conclude(report)

    @property
    def summary(self) -> Summary:
        """Return what it comes to."""
        return self._ledger.summary()

    def _refuse(self, what: str, reason: str) -> None:
        """Note something that cannot be had; that is the end, unless errors are ignored."""
        if not self.options.ignore_errors:
            raise UnfetchableError(f"{what}: {reason}" if what else reason)
        if what:
            self._ledger.refuse(what, "", reason)
        else:
            logger.warning("not all together, so each by itself: %s", reason)

    def _note(self, choice: Choice) -> None:
        if not choice.files:
            if not self.options.ignore_errors:
                raise UnfetchableError(f"{choice.project} {choice.version}: {choice.reason}")
            self._ledger.refuse(choice.project, choice.version, choice.reason)
            return
        self._ledger.note(choice)

    def _gather(self, names: Iterable[ProjectName]) -> dict[ProjectName, Gathered]:
        """Return each project as it is now; those that there are none of, are refused."""
        parts = self.parts
        gathering = Gathering(
            parts.store, parts.upstream, parts.index, parts.wishing.judge, parts.clock
        )
        found: dict[ProjectName, Gathered] = {}
        with ThreadPoolExecutor(self.workers) as threads:
            asked = {name: threads.submit(gathering.gather, name) for name in sorted(names)}
            for name, future in asked.items():
                try:
                    found[name] = future.result()
                except NoSuchProject:
                    self._refuse(name, "upstream has no such project")
                except UpstreamUnavailable as error:
                    if not self.options.ignore_errors:
                        raise TryLaterError(str(error)) from error
                    self._refuse(name, str(error))
                except UpstreamError as error:
                    self._refuse(name, str(error))
        return found

    def _steps(self, gathered: Mapping[ProjectName, Gathered]) -> list[Step]:
        files = self._ledger.files
        survey = self.parts.holdings.survey()
        bringing = self._bringing(gathered)
        sizes = self._sizes([file for path, file in files.items() if path not in survey.holdings])
        pinned = {one.path for one in self.parts.store.pins()}
        moves, homeless = plan_pins(self._facts(survey, sizes, pinned))
        for path in homeless:
            self._ledger.fail(path, "no tier has room for it")
        new = tuple(path for path in files if path not in pinned and path not in homeless)
        pins = [PinFiles(new, self._request.words)] if new else []
        adopt = [step for step in survey.repairs if isinstance(step, Adopt) and step.path in files]
        return [*bringing, *pins, *adopt, *moves]

    def _bringing(self, gathered: Mapping[ProjectName, Gathered]) -> list[Step]:
        """Return what has the index list the files: pages that are here and right stay."""
        steps: list[Step] = [
            RevalidateProject(name) if gathered[name].here else AddProject(name)
            for name in sorted(self._ledger.projects)
            if gathered[name].changed
        ]
        return [*steps, WriteRoot()] if steps else []

    def _sizes(self, files: Sequence[File]) -> dict[FilePath, int]:
        """Return the bytes that files will take; where no page tells, the file host does."""
        sizes: dict[FilePath, int] = {}
        with ThreadPoolExecutor(self.workers) as threads:
            for file, size in zip(files, threads.map(self._size, files), strict=True):
                url = self.parts.upstream.url_of(file.path, file.origin)[0]
                if isinstance(size, int):
                    self._ledger.download(file.path, size, url)
                    announced = file.core_metadata is not None
                    sizes[file.path] = room_for(size, announced=announced)
                else:
                    self._ledger.fail(file.path, str(size))
        return sizes

    def _size(self, file: File) -> int | str:
        if file.size is not None:
            return file.size
        try:
            url = self.parts.upstream.url_of(file.path, file.origin)[0]
            size = self.parts.upstream.file_size(url)
        except UpstreamError as error:
            return str(error)
        return "nobody tells its size" if size is None else size

    def _facts(
        self, survey: Survey, sizes: Mapping[FilePath, int], pinned: Iterable[FilePath]
    ) -> PinFacts:
        wishing = self.parts.wishing
        stay = {*pinned, *self._ledger.files}
        return PinFacts(sizes, stay, wishing.stored(), survey.holdings, wishing.tiers, survey.taken)

    def _tell_size(self, path: FilePath) -> None:
        """Have the store know a size that no page tells, before the download asks for it."""
        known = self.parts.store.file(path)
        if known is not None and known.size is None:
            self.parts.store.set_size(path, self._ledger.size(path), int(time.time()))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(FetchFiles, arguments)


if __name__ == "__main__":
    sys.exit(run())
