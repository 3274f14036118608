"""The simple index where nginx has no page, or does not know which format is wanted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import falcon

from app.index import HiddenProjectError
from app.locks import LockTimeoutError
from app.model import PageFormat
from app.names import ProjectName, parse_project
from app.pages.render import render_root_html, render_root_json
from app.store import StoreError
from app.tree import CANONICAL_HTML, CANONICAL_JSON, HTML, JSON
from app.upstream import NoSuchProject, UpstreamError, UpstreamUnavailable
from app.web.absent import AbsentNames
from app.web.errors import NOT_UPSTREAM, TooBusyError, try_again
from app.web.formats import wanted_format
from app.web.metrics import Metrics
from app.web.places import Places

# nginx's locations, in pages.conf.j2, which give the page its type.
_LOCATIONS = {
    PageFormat.JSON: "@page_json",
    PageFormat.HTML: "@page_html",
    PageFormat.V1_HTML: "@page_v1_html",
}

# The page that a format is served from.
_PAGES = {PageFormat.JSON: JSON, PageFormat.HTML: HTML, PageFormat.V1_HTML: HTML}
_BOTH = frozenset(_PAGES.values())
CANONICAL = _BOTH | {CANONICAL_HTML, CANONICAL_JSON}
"""The pages that a project has with `index.canonical`."""


class Asking(Protocol):
    """What brings projects in: `app.index.Index`."""

    def ask(self, name: ProjectName) -> None:
        """Bring a project in when it is asked for the first time.

        Raises:
            NoSuchProject: Upstream has no such project.
            HiddenProjectError: Filters hide it.
            UpstreamError: Upstream cannot be asked, or cannot be believed.
            LockTimeoutError: Another's fetch takes too long.
            StoreError: The database cannot be used.

        """
        ...


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks the index, but not twice in a minute for what upstream does not have."""

    index: Asking
    # The folder of the pages.
    simple: Path
    places: Places
    metrics: Metrics
    clock: Callable[[], float]
    absent: AbsentNames = field(default_factory=AbsentNames)

    def ask(self, name: ProjectName, pages: frozenset[str] = _BOTH) -> None:
        """Bring a project in, unless its pages are here; raises as `Asking.ask` does.

        Raises:
            TooBusyError: Too many others are waiting for upstream.

        """
        if _pages_here(self.simple / name, pages) == pages:
            self._count("here")
            return
        if self.absent.has(name, self.clock()):
            self._count("remembered")
            raise falcon.HTTPNotFound(description=NOT_UPSTREAM)
        try:
            with self.places.one():
                self.index.ask(name)
        except HiddenProjectError:
            self._count("hidden")
            raise
        except NoSuchProject:
            self.absent.add(name, self.clock())
            self._count("absent")
            raise
        except (UpstreamUnavailable, LockTimeoutError, StoreError, TooBusyError, OSError):
            self._count("unavailable")
            raise
        except UpstreamError:
            self._count("untrusted")
            raise
        self._count("found")

    def _count(self, outcome: str) -> None:
        self.metrics.asks.labels(outcome).inc()


class ProjectResource:
    """`/simple/{name}/`: brings the project in, and tells nginx which page to send."""

    def __init__(self, questions: Questions, pages: frozenset[str] = _BOTH) -> None:
        """Ask these questions, until these pages are here."""
        self._questions, self._pages = questions, pages

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Answer with a page's place."""
        wanted = wanted_format(req)
        self._questions.ask(parse_project(name), self._pages)
        _send_page(resp, wanted)

    on_head = on_get


class RootResource:
    """`/simple/`: the list of projects, which is empty until a job has written it."""

    def __init__(self, simple: Path) -> None:
        """Look for the pages in `{repo_path}/simple`."""
        self._simple = simple

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the page's place, or with an empty list."""
        wanted, here = wanted_format(req), _pages_here(self._simple)
        if _PAGES[wanted] in here:
            _send_page(resp, wanted)
            return
        if here:
            # Lost, or about to be written beside the other. An empty list would be
            # believed: there are projects.
            raise try_again("The list of projects is not here in this format just now")
        render = render_root_json if wanted is PageFormat.JSON else render_root_html
        resp.data = b"".join(render((), None))
        charset = "" if wanted is PageFormat.JSON else "; charset=utf-8"
        resp.content_type = f"{wanted.value}{charset}"
        # The first page that a job writes shall be seen at once.
        resp.cache_control = ["no-cache"]
        resp.append_header("Vary", "Accept")

    on_head = on_get


class NameResource:
    """`/names/{name}`: any spelling of a name leads to the normalised one (PEP 503)."""

    def __init__(self, prefix: str) -> None:
        """Redirect below a prefix of URLs."""
        self._prefix = prefix

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Redirect for ever: a name's normal form does not change."""
        query = f"?{req.query_string}" if req.query_string else ""
        resp.status = falcon.HTTP_301
        resp.set_header("Location", f"{self._prefix}/simple/{parse_project(name)}/{query}")
        resp.content_type = falcon.MEDIA_TEXT

    on_head = on_get


def _pages_here(folder: Path, pages: frozenset[str] = _BOTH) -> frozenset[str]:
    """Return which pages a project, or the root, has on disk; one is not enough."""
    return frozenset(page for page in pages if (folder / page).exists())


def _send_page(resp: falcon.Response, wanted: PageFormat) -> None:
    # No content, so no Content-Type, which nginx would take over: the location's counts.
    resp.status = falcon.HTTP_204
    resp.set_header("X-Accel-Redirect", _LOCATIONS[wanted])
