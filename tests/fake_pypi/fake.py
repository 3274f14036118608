"""`FakePypi`, which joins catalogue, faults, site and server."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Self, Unpack

import pytest

from tests.fake_pypi.answers import Request
from tests.fake_pypi.catalogue import Catalogue, Details, FakeFile, FakeProject
from tests.fake_pypi.distributions import Built
from tests.fake_pypi.faults import Fault
from tests.fake_pypi.options import Choices, Options
from tests.fake_pypi.rules import Faults
from tests.fake_pypi.server import Reply, Server
from tests.fake_pypi.site import Site


class FakePypi:
    """An index and its file host; the package's docstring is the manual."""

    def __init__(self, **choices: Unpack[Choices]) -> None:
        """Prepare an empty index; `start`, or a with-block, opens it."""
        self.options = Options(**choices)
        self.catalogue = Catalogue()
        self._faults = Faults()
        self._log: list[Request] = []
        self._log_lock = threading.Lock()
        self._port = 0
        self._site: Site | None = None
        self._server: Server | None = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *reason: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Take connections, on the same port each time."""
        if self._server is not None:
            return
        self._server = Server(self._port, self._reply)
        self._port = self._server.port
        self._site = self._site or Site(self.catalogue, self.options, self.url)

    def stop(self) -> None:
        """End all connections and refuse new ones."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def port(self) -> int:
        """The port; known once it was started."""
        if not self._port:
            message = "the fake has no port before start()"
            raise RuntimeError(message)
        return self._port

    @property
    def url(self) -> str:
        """Where the server is, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pypi_url(self) -> str:
        """What an operator would write as `upstream.pypi_url`."""
        path = self.options.simple_path
        return self.url + (path.removesuffix("/simple/") if path.endswith("/simple/") else path)

    @property
    def packages_url(self) -> str:
        """What an operator would write as `upstream.packages_url`."""
        return f"{self.url}/packages/"

    # Content

    def add(self, built: Built, **details: Unpack[Details]) -> FakeFile:
        """Add what `make_wheel` or `make_sdist` made."""
        known: Details = {
            "version": built.version,
            "requires_python": built.requires_python,
            "metadata": built.metadata,
        }
        known.update(details)
        return self.add_file(built.project, built.filename, built.content, **known)

    def add_file(
        self, project: str, filename: str, content: bytes = b"", **details: Unpack[Details]
    ) -> FakeFile:
        """Add a file of any name and content, and its project where it is new."""
        return self.catalogue.put_file(project, filename, content, **details)

    def add_project(
        self,
        name: str,
        versions: Iterable[str] = (),
        status: str | None = None,
        reason: str | None = None,
    ) -> FakeProject:
        """Add a project without files, or set versions and status of one."""
        return self.catalogue.put_project(name, versions, status, reason)

    def project(self, name: str) -> FakeProject:
        """Return a project as it is now."""
        return self.catalogue.project(name)

    def describe(self, name: str, **info: object) -> None:
        """Set what legacy JSON says of a project, and give it its next serial."""
        self.catalogue.describe(name, info)

    def touch(self, name: str) -> int:
        """Give a project its next serial, and return it."""
        self.catalogue.change_files(name, self.project(name).files)
        return self.project(name).serial

    def yank(self, project: str, filename: str, reason: bool | str = True) -> None:  # noqa: FBT001, FBT002  PEP 592's own type
        """Mark a file as yanked, or (False) as not."""
        files = self.project(project).files
        self.catalogue.change_files(
            project,
            (replace(one, yanked=reason) if one.filename == filename else one for one in files),
        )

    def remove_file(self, project: str, filename: str) -> None:
        """Take a file off its page and off the file host."""
        files = self.project(project).files
        for gone in (one for one in files if one.filename == filename):
            self.vanish(gone)
        self.catalogue.change_files(project, (one for one in files if one.filename != filename))

    def remove_project(self, name: str) -> None:
        """Delete a project; its files stay on the file host, as PyPI's may."""
        self.catalogue.remove_project(name)

    def freeze(self, name: str) -> None:
        """Keep a project's pages as they are, while the list moves on."""
        self.catalogue.freeze(name)

    def thaw(self, name: str) -> None:
        """Show a project's pages as they should be again."""
        self.catalogue.thaw(name)

    def announce(self, name: str, serial: int | None) -> None:
        """Let the list say this serial for a display name; None: not listed."""
        self.catalogue.announce(name, serial)

    def vanish(self, file: FakeFile) -> None:
        """Let the file host answer 404 for a file that is listed."""
        self.catalogue.files.pop(f"/packages/{file.path}", None)
        self.catalogue.files.pop(file.url or "", None)

    def corrupt(self, file: FakeFile) -> None:
        """Let the file host answer other bytes of the same length."""
        wrong = replace(file, content=bytes(byte ^ 0xFF for byte in file.content))
        for path in (f"/packages/{file.path}", file.url):
            if path in self.catalogue.files:
                self.catalogue.files[path] = wrong

    # Faults

    def inject(
        self, fault: Fault, at: str = "*", *, times: int | None = None, method: str | None = None
    ) -> None:
        """Spoil the answers to a path or pattern, always or so many times."""
        self._faults.add(fault, at, times, method)

    def heal(self) -> None:
        """End all faults."""
        self._faults.clear()

    # The log

    @property
    def requests(self) -> tuple[Request, ...]:
        """Every request so far, oldest first."""
        with self._log_lock:
            return tuple(self._log)

    def count(self, at: str = "*", method: str | None = None) -> int:
        """Return how many requests came for a path or a pattern of it."""
        return sum(
            (at == request.path or fnmatchcase(request.path, at))
            and method in {None, request.method}
            for request in self.requests
        )

    @property
    def most_connections(self) -> int:
        """How many connections were open at once, at most, since the start."""
        return self._server.most if self._server else 0

    def forget_requests(self) -> None:
        """Empty the log."""
        with self._log_lock:
            self._log.clear()

    def _reply(self, request: Request) -> Reply:
        """Log a request and answer it."""
        with self._log_lock:
            self._log.append(request)
        fault = self._faults.take(request)
        if fault.unconditional:
            kept = {k: v for k, v in request.headers.items() if k not in {"range", "if-none-match"}}
            request = replace(request, headers=kept)
        if self._site is None:
            message = "a request before the start"
            raise RuntimeError(message)
        return Reply(fault.change(self._site.answer(request)), fault)


@pytest.fixture
def fake_pypi() -> Iterator[FakePypi]:
    """Yield an empty index of PyPI's kind, started."""
    with FakePypi() as pypi:
        yield pypi
