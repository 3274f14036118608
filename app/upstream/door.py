"""`Upstream`, the whole door."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from app.model import Change
from app.names import FilePath, ProjectName
from app.pacing import Pace
from app.targets import Failure
from app.upstream import files
from app.upstream.changelog import NoChangelog
from app.upstream.core_metadata import core_metadata
from app.upstream.documents import fetch_document
from app.upstream.legacy import Legacy
from app.upstream.policy import Addresses, UpstreamPolicy, url_below
from app.upstream.probing import PROBE_TIMEOUT, probe
from app.upstream.projects import FetchedProject, ProjectPages, Validators
from app.upstream.serials import NotModified, SerialList, Serials
from app.upstream.wire import Wire


class Upstream:
    """An index and its file hosts; safe for threads."""

    def __init__(self, policy: UpstreamPolicy, pace: Pace | None = None) -> None:
        """Prepare; nothing is connected before the first question.

        Whatever comes keeps to the pace, over all threads together.
        """
        addresses = Addresses.parse(policy.pypi_url)
        self._wire = Wire(policy, addresses, pace or Pace(None))
        self._pages = ProjectPages(self._wire, addresses, policy.places, policy.max_page_size)
        self._serials = Serials(self._wire, addresses)
        self._packages_url = policy.packages_url
        # In which order to try them now; whoever knows how they stand says it.
        self.order: Callable[[Sequence[str]], Sequence[str]] = tuple
        # A probe is not repeated, and waits for no longer than a client would.
        quick = replace(policy, retry=0, timeout=min(policy.timeout, PROBE_TIMEOUT))
        self._probing = Wire(quick, addresses, Pace(None))

    def close(self) -> None:
        """End all connections."""
        self._wire.close()
        self._probing.close()

    def probe(self, url: str, *, is_file: bool) -> Failure | None:
        """Return what is wrong with a place of files; `url` is it, or a file that it may have."""
        return probe(self._probing, url, is_file=is_file)

    def project(self, name: ProjectName, known: Validators | None = None) -> FetchedProject | None:
        """Return a project's page as it is upstream, or None where `known` still holds.

        Raises:
            NoSuchProject: Upstream has no such project.
            UpstreamUnavailable: Upstream cannot be asked now.
            UpstreamUntrusted: What it answers is not the project's page.

        """
        return self._pages.fetch(name, known)

    def legacy(
        self, name: ProjectName, version: str | None = None, *, insist: bool = False
    ) -> Legacy | None:
        """Return the legacy JSON of a project or of one release; None: there is none.

        After some projects without any, and none with it, the index is asked no more,
        unless the caller does `insist`.

        Raises:
            UpstreamUnavailable: Upstream cannot be asked now.
            UpstreamUntrusted: What it answers is broken.

        """
        return self._pages.legacy(name, version, insist=insist)

    def document(self, url: str, accept: str, limit: int) -> bytes:
        """Return a small document of at most so many bytes that a page links to.

        Raises:
            NoSuchFile: There is no such document.
            UpstreamUnavailable: Upstream cannot be asked now.
            UpstreamUntrusted: It is larger, cut, or no document.

        """
        return fetch_document(self._wire, url, accept, limit)

    def serials(self, known: Validators | None = None) -> SerialList | NotModified | None:
        """Return the serial of every project, or None where the index has no serials.

        An empty list is returned as it is: whether it is believed, the planner decides.

        Raises:
            UpstreamUnavailable: Upstream cannot be asked now.
            UpstreamUntrusted: What it answers is not a list; an XML-RPC fault, too.

        """
        return self._serials.fetch(known)

    def has_index(self) -> bool:
        """Whether there is a list of projects where the index should be.

        Its body is not read: PyPI's is some 40 MB.

        Raises:
            UpstreamUnavailable: Upstream cannot be asked now.
            UpstreamUntrusted: It makes no sense.

        """
        return self._serials.has_root()

    def changes(self, since: int) -> dict[ProjectName, Change] | NoChangelog | None:
        """Return the last change of each project that has changed since a serial.

        None where that cannot be told, since the changelog does not reach back that far:
        then the list tells, as where there is none. Of deletions, too, the list has the last word.

        Raises:
            UpstreamUnavailable: Upstream cannot be asked now.
            UpstreamUntrusted: It makes no sense.

        """
        return self._serials.changes(since)

    def open_file(
        self, url: str, start: int = 0, etag: str | None = None
    ) -> AbstractContextManager[files.FileBody]:
        """Answer a file from an offset on, for a with-block.

        With the `etag` of an earlier answer, a changed file comes whole. So it does,
        with `start` 0, where upstream knows no ranges or the file is shorter than
        `start`; where it ends just there, no bytes follow.

        Raises:
            NoSuchFile: There is no such file.
            UpstreamUnavailable: Upstream cannot be asked now.
            UpstreamUntrusted: It answers another part than was asked for.

        """
        return files.open_file(self._wire, url, start, etag)

    def core_metadata(self, url: str) -> bytes:
        """Return the core metadata of the wheel at `url`; whether it is right, its hash tells.

        A host that announces it (PyPI's legacy JSON does for its own) may not have it
        yet, or at all: then it is read out of the wheel, by ranges.

        Raises:
            NoSuchFile: There is neither.
            UpstreamUnavailable: Upstream cannot be asked now.
            UpstreamUntrusted: It is too large, or the wheel is none.

        """
        return core_metadata(self._wire, url)

    def file_size(self, url: str) -> int | None:
        """Return the size of a file, or None where upstream does not tell.

        Raises:
            NoSuchFile: There is no such file.
            UpstreamUnavailable: Upstream cannot be asked now.
            UpstreamUntrusted: It makes no sense.

        """
        return files.file_size(self._wire, url)

    def url_of(self, path: FilePath, origin: str | None) -> tuple[str, ...]:
        """Return where a file can be fetched, in the order in which to try."""
        if origin is not None:
            return (origin,)
        return tuple(url_below(base, path) for base in self.order(self._packages_url))
