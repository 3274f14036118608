"""What `larder fetch` is about, file by file, and what became of each."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from app.gathering import Choice
from app.model import File
from app.names import FilePath, ProjectName
from app.steps import Fetch, Step
from app.steps.index import AddProject, RevalidateProject
from jobs.running import Report
from jobs.summary import Download, Row, Status, Summary


@dataclass(slots=True)
class Ledger:
    """The releases that are wanted, and how far each of their files is."""

    _choices: list[Choice] = field(default_factory=list)
    _files: dict[FilePath, File] = field(default_factory=dict)
    _owners: dict[FilePath, ProjectName] = field(default_factory=dict)
    _refused: list[Row] = field(default_factory=list)
    _new: dict[FilePath, Download] = field(default_factory=dict)
    _failed: dict[FilePath, str] = field(default_factory=dict)
    _fetched: set[FilePath] = field(default_factory=set)
    _done: bool = False

    @property
    def files(self) -> Mapping[FilePath, File]:
        """Every file that is wanted."""
        return self._files

    @property
    def projects(self) -> Collection[ProjectName]:
        """The projects of those."""
        return set(self._owners.values())

    def note(self, choice: Choice) -> None:
        """Note the files of a release that are wanted."""
        self._choices.append(choice)
        self._files |= {file.path: file for file in choice.files}
        self._owners |= dict.fromkeys((file.path for file in choice.files), choice.project)

    def refuse(self, project: str, version: str, reason: str) -> None:
        """Note something of which no file can be had."""
        row = Row(project, version, 0, 0, 0, 0, Status.FAILED, reason)
        if row not in self._refused:
            self._refused.append(row)

    def download(self, path: FilePath, size: int, url: str) -> None:
        """Note a file that is not here."""
        name = path.rpartition("/")[2]
        self._new[path] = Download(self._owners[path], name, size, url)

    def size(self, path: FilePath) -> int:
        """Return the bytes of a file that is to be downloaded."""
        return self._new[path].bytes

    def fetched(self, path: FilePath) -> None:
        """Note that a file is here now; in any thread."""
        self._fetched.add(path)

    def fail(self, path: FilePath, reason: str) -> None:
        """Note that a file cannot be had."""
        self._failed[path] = reason
        self._new.pop(path, None)

    def conclude(self, report: Report) -> None:
        """Note what the steps came to."""
        self._done = True
        if count := len(self._refused) + len(self._failed):
            report.problems.append(f"{count} of what is asked for cannot be had; see the summary")
        for step, reason in (*report.failures, *report.put_off):
            for path in self._about(step):
                self._failed.setdefault(path, reason)

    def summary(self) -> Summary:
        """Return what it comes to."""
        rows = [self._row(choice) for choice in self._choices]
        return Summary([*rows, *self._refused], list(self._new.values()))

    def _about(self, step: Step) -> list[FilePath]:
        """Return the files that do not come because a step failed."""
        if isinstance(step, Fetch):
            return [step.path]
        if isinstance(step, AddProject | RevalidateProject):
            return [path for path, owner in self._owners.items() if owner == step.project]
        return []

    def _row(self, choice: Choice) -> Row:
        paths = [file.path for file in choice.files]
        new = [self._new[path] for path in paths if path in self._new]
        why = next((self._failed[path] for path in paths if path in self._failed), "")
        left = [path for path in paths if path in self._new and path not in self._fetched]
        if why:
            status = Status.FAILED
        elif not new:
            status = Status.HERE
        elif left:
            status = Status.LEFT if self._done else Status.WANTED
        else:
            status = Status.FETCHED
        total = sum(file.size or 0 for file in choice.files)
        fetched = sum(one.bytes for one in new)
        return Row(
            choice.project, choice.version, len(paths), total, len(new), fetched, status, why
        )
