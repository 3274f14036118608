"""The simple index where nginx has no page, or does not know which format is wanted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import falcon

from app.locks import LockTimeoutError
from app.model import PageFormat
from app.names import ProjectName, parse_project
from app.pages.accept import negotiate
from app.pages.render import render_root_html, render_root_json
from app.store import StoreError
from app.upstream import NoSuchProject, UpstreamError, UpstreamUnavailable
from app.web.absent import AbsentNames
from app.web.errors import NOT_UPSTREAM, TooBusyError
from app.web.metrics import Metrics
from app.web.places import Places

# nginx's locations, in pages.conf.j2, which give the page its type.
_LOCATIONS = {
    PageFormat.JSON: "@page_json",
    PageFormat.HTML: "@page_html",
    PageFormat.V1_HTML: "@page_v1_html",
}


class Asking(Protocol):
    """What brings projects in: `app.index.Index`."""

    def ask(self, name: ProjectName) -> None:
        """Bring a project in when it is asked for the first time.

        Raises:
            NoSuchProject: Upstream has no such project.
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

    def ask(self, name: ProjectName) -> None:
        """Bring a project in, unless its pages are here; raises as `Asking.ask` does.

        Raises:
            TooBusyError: Too many others are waiting for upstream.

        """
        if (self.simple / name / "index.html").exists():
            self._count("here")
            return
        if self.absent.has(name, self.clock()):
            self._count("remembered")
            raise falcon.HTTPNotFound(description=NOT_UPSTREAM)
        try:
            with self.places.one():
                self.index.ask(name)
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

    def __init__(self, questions: Questions) -> None:
        """Ask these questions."""
        self._questions = questions

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Answer with a page's place."""
        wanted = _wanted(req)
        self._questions.ask(parse_project(name))
        _send_page(resp, wanted)

    on_head = on_get


class RootResource:
    """`/simple/`: the list of projects, which is empty until a job has written it."""

    def __init__(self, simple: Path) -> None:
        """Look for the pages in `{repo_path}/simple`."""
        self._page = simple / "index.html"

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the page's place, or with an empty list."""
        wanted = _wanted(req)
        if self._page.exists():
            _send_page(resp, wanted)
            return
        render = render_root_json if wanted is PageFormat.JSON else render_root_html
        resp.data = b"".join(render((), None))
        charset = "" if wanted is PageFormat.JSON else "; charset=utf-8"
        resp.content_type = f"{wanted.value}{charset}"
        # The first page that a job writes shall be seen at once.
        resp.cache_control = ["no-cache"]
        resp.append_header("Vary", "Accept")
        resp.set_header("Access-Control-Allow-Origin", "*")

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


def _wanted(req: falcon.Request) -> PageFormat:
    wanted = negotiate(req.get_header("Accept"), req.get_param("format"))
    if wanted is None:
        offered = ", ".join(PageFormat)
        raise falcon.HTTPNotAcceptable(description=f"This index is offered as: {offered}")
    return wanted


def _send_page(resp: falcon.Response, wanted: PageFormat) -> None:
    # No content, so no Content-Type, which nginx would take over: the location's counts.
    resp.status = falcon.HTTP_204
    resp.set_header("X-Accel-Redirect", _LOCATIONS[wanted])
