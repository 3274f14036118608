"""Files that are not held: the answer to nginx's question where they are."""

from dataclasses import replace

import falcon

from app.web.decisions import Answer, Desk
from app.web.gate import OPEN, Gate
from app.web.metrics import Metrics
from app.web.simple import Questions

CLIENT_HEADER = "X-Larder-Client"
"""The client's address; set by nginx."""

UPSTREAM_HEADER = "X-Larder-Upstream"
"""The URL that nginx passes through; clients never see it."""

REDIRECT_HEADER = "X-Larder-Redirect"
"""The URL that nginx redirects to, where its own way leads nowhere."""

UNHELD_HEADER = "X-Larder-Unheld"
"""The location that nginx goes to, where a file that should be held is not there."""

# nginx's locations, in files.conf.j2.
_LOCATIONS = {
    Answer.HELD: "@held",
    Answer.REDIRECT: "@redirect",
    Answer.PROXY: "@upstream",
    Answer.STREAM: "@stream",
}


# Not for ever: filters change, and files come of age.
_NOT_KEPT = {"Cache-Control": "no-store"}


class FileResource:
    """`/packages/{path}`: redirects, or tells nginx how to answer."""

    def __init__(self, desk: Desk, metrics: Metrics, gate: Gate = OPEN) -> None:
        """Let the desk decide about what the gate lets through."""
        self._desk, self._metrics, self._gate = desk, metrics, gate

    def on_get(self, req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Answer for GET and HEAD, whole or in ranges: that is nginx's, or upstream's."""
        path = path_of(segments)
        if self._gate.unasked(path):
            resp.status = falcon.HTTP_204
            resp.set_header("X-Accel-Redirect", "@ask_file")
            return
        if reason := self._gate.refusal(path):
            self._metrics.decisions.labels("denied").inc()
            raise falcon.HTTPForbidden(description=f"{reason}.", headers=_NOT_KEPT)
        client = req.get_header(CLIENT_HEADER) or ""
        decision = self._desk.decide(path, client)
        if self._gate.redirects(path) and decision.answer is not Answer.HELD:
            decision = replace(decision, answer=Answer.REDIRECT, unheld=Answer.REDIRECT)
        self._metrics.decisions.labels(decision.answer.value).inc()
        if decision.answer is Answer.REDIRECT:
            # Never for ever: tomorrow the file may be here. And not for the next one,
            # whose network may have another mode.
            resp.status = falcon.HTTP_302
            resp.set_header("Location", decision.redirect_url)
            resp.cache_control = ["no-store"]
            resp.content_type = falcon.MEDIA_TEXT
            return
        # No content, so no Content-Type, which nginx would take over.
        resp.status = falcon.HTTP_204
        resp.set_header("X-Accel-Redirect", _LOCATIONS[decision.answer])
        resp.set_header(UNHELD_HEADER, _LOCATIONS[decision.unheld])
        resp.set_header(UPSTREAM_HEADER, decision.source_url)
        resp.set_header(REDIRECT_HEADER, decision.redirect_url)

    on_head = on_get


class AdmissionResource:
    """`/admissions/{path}`: brings the file's project in, so that filters can judge it."""

    def __init__(self, questions: Questions, gate: Gate) -> None:
        """Ask these questions, which wait their turn; the gate names the project."""
        self._questions, self._gate = questions, gate

    def on_get(self, _req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Answer with the location that decides, once the project's pages are here."""
        if name := self._gate.unasked(path_of(segments)):
            self._questions.ask(name)
        resp.status = falcon.HTTP_204
        resp.set_header("X-Accel-Redirect", "@file")

    on_head = on_get


def path_of(segments: dict[str, str]) -> str:
    """Return the path below `/packages/` whose parts a route has matched."""
    return "/".join(segments.values())
