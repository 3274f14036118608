"""Small real implementations of what the application is built on, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.clients import NetworkTable
from app.config.settings import Mode
from app.documents import Kept, Unkept
from app.model import Vote
from app.names import Filename as Name
from app.names import FilePath, ProjectName, Sha256, Version, parse_file_path, path_from_digest
from app.store import KnownFile, StoreError
from app.tree import HTML, JSON
from app.web.application import Parts
from app.web.core_metadata import MetadataResource
from app.web.decisions import Desk, Sources
from app.web.documents import LegacyDesk, ProvenanceResource
from app.web.metrics import Metrics
from app.web.opening import FileHost
from app.web.places import Places
from app.web.simple import Questions
from app.web.targets import Targets
from app.web.vote_buffer import VoteBuffer
from app.web.votes import BallotBox

WHEEL = path_from_digest("ab" * 32, Name("six-1.17.0-py3-none-any.whl"))
PACKAGES = "https://files.example.org/packages/"
INTERVAL = 10.0
"""Seconds between two probes, by the clock that stands still."""

ELSEWHERE = "https://mirror.example.org/packages/"


@dataclass
class MemoryStore:
    """Files and votes without a database; `broken` is a database that is gone."""

    known: dict[FilePath, str | None] = field(default_factory=dict)
    held: dict[FilePath, str] = field(default_factory=dict)
    # Files whose core metadata the index lists.
    described: set[FilePath] = field(default_factory=set)
    written: list[Sequence[Vote]] = field(default_factory=list)
    broken: bool = False

    def file(self, path: FilePath) -> KnownFile | None:
        """Return a file whose origin was told."""
        self._check()
        if path not in self.known:
            return None
        digest = Sha256("cd" * 32) if path in self.described else None
        return KnownFile(path, ProjectName("six"), None, None, self.known[path], digest, None)

    def held_in(self, path: FilePath) -> str | None:
        """Return a tier's root."""
        self._check()
        return self.held.get(path)

    def add_votes(self, votes: Sequence[Vote], window: int) -> int:
        """Keep the votes, and count each (path, network) once."""
        self._check()
        assert window > 0
        self.written.append(votes)
        return len({(vote.path, vote.network) for vote in votes})

    def keep_networks(self, votes: Sequence[Vote]) -> None:
        """Keep none."""
        self._check()
        assert not [vote for vote in votes if vote.client]

    def votes(self) -> list[Vote]:
        """Return every vote that was written, in order."""
        return [vote for batch in self.written for vote in batch]

    def _check(self) -> None:
        if self.broken:
            raise StoreError("database is locked")


@dataclass
class MemoryIndex:
    """Projects that are there for the asking, and errors that are not projects."""

    simple: Path
    errors: dict[str, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def ask(self, name: ProjectName) -> None:
        """Write an empty page, or raise what is to be raised."""
        self.asked.append(name)
        if name in self.errors:
            raise self.errors[name]
        folder = self.simple / name
        folder.mkdir(parents=True, exist_ok=True)
        for page in (HTML, JSON):
            (folder / page).touch()


@dataclass
class MemoryDocuments:
    """Legacy JSON that is there for the asking, and errors that are not."""

    answer: Kept | Unkept = field(default_factory=lambda: Kept("serial-1", "project.json"))
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def legacy(self, name: ProjectName) -> Kept | Unkept:
        """Return the answer, or raise the error."""
        self.asked.append(name)
        if self.error:
            raise self.error
        return self.answer

    def release(self, name: ProjectName, version: Version) -> Kept | Unkept:
        """Return the answer, or raise the error."""
        return self.legacy(ProjectName(f"{name}/{version}"))

    def provenance(self, name: ProjectName, version: Version, filename: Name) -> str | None:
        """Return the URL that the answer's body is, or raise the error."""
        answer = self.legacy(ProjectName(f"{name}/{version}/{filename}"))
        return answer.body.decode() if isinstance(answer, Unkept) else None


@dataclass
class MemoryKeeping:
    """Core metadata that is kept, or not, or wrong."""

    kept: bool = True
    error: Exception | None = None

    def keep(self, path: FilePath) -> bool:
        """Return whether it is kept, or raise the error."""
        assert path
        if self.error:
            raise self.error
        return self.kept


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: float = 1_700_000_000.5

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@dataclass
class Mirror:
    """The application's parts on fakes."""

    simple: Path
    host: FileHost
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: Clock = field(default_factory=Clock)
    metrics: Metrics = field(default_factory=Metrics)
    modes: NetworkTable[Mode] = field(default_factory=lambda: NetworkTable(Mode.REDIRECT, []))
    sources: Sources = field(
        default_factory=lambda: Sources(
            (PACKAGES,), (ELSEWHERE,), through_app=False, hosts=frozenset({"files.example.org"})
        )
    )
    keeping: MemoryKeeping = field(default_factory=MemoryKeeping)
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    index: MemoryIndex = field(init=False)
    targets: Targets = field(init=False)
    buffer: VoteBuffer = field(init=False)

    def __post_init__(self) -> None:
        """Build what depends on the others."""
        self.index = MemoryIndex(self.simple)
        self.buffer = VoteBuffer(self.store, 300, self.metrics)
        run = self.simple.parent / "run"
        run.mkdir(parents=True, exist_ok=True)
        places = (*self.sources.packages_urls, *self.sources.redirect_urls)
        self.targets = Targets(run, places, INTERVAL, self.clock)
        for place in self.targets.places:
            self.targets.probed(place, None)

    def parts(self) -> Parts:
        """Return the parts."""
        questions = Questions(self.index, self.simple, Places(2, 0.1), self.metrics, self.clock)
        return Parts(
            prefix="/pypi",
            simple=self.simple,
            questions=questions,
            legacy=LegacyDesk("/pypi", questions, self.documents),
            provenance=ProvenanceResource("/pypi", questions, self.documents),
            metadata=MetadataResource(self.keeping, Places(1, 0.1)),
            ballot_box=BallotBox(self.buffer, lambda: b"key", self.clock),
            desk=Desk(self.store, self.modes, self.sources, self.targets),
            file_host=self.host,
            stream_places=Places(1, 0.1),
            reader_places=Places(2, 0, queue=0),
            shared=self.simple.parent / "run" / "shared",
            metrics=self.metrics,
        )

    def counted(self, metric: str, outcome: str) -> float:
        """Return a counter."""
        wanted = f'larder_{metric}_total{{outcome="{outcome}"}} '
        lines = self.metrics.exposition().decode().splitlines()
        found = [line for line in lines if line.startswith(wanted)]
        return float(found[0].removeprefix(wanted)) if found else 0.0


def other_wheel(number: int) -> FilePath:
    """Return one of many paths."""
    return parse_file_path(f"ab/cd/{number:060x}/six-1.17.0-py3-none-any.whl")
