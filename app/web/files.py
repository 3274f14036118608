"""Files that are not held: the answer to nginx's question where they are."""

from dataclasses import replace

import falcon

from app.index import HiddenProjectError
from app.web.decisions import Answer, Decision, Desk, Wish
from app.web.gate import OPEN, Gate
from app.web.lately import Lately
from app.web.metrics import Metrics
from app.web.simple import Questions

CLIENT_HEADER = "X-Larder-Client"
"""The client's address; set by nginx."""

ASKED_HEADER = "X-Larder-Asked"
"""Set by nginx where the application was asked for core metadata, and did not keep it."""

UPSTREAM_HEADER = "X-Larder-Upstream"
"""The URL that nginx passes through; clients never see it."""

PLACE_HEADER = "X-Larder-Place"
"""The place of files that this URL is below, to be told where it fails."""

REDIRECT_HEADER = "X-Larder-Redirect"
"""The URL that nginx redirects to, where its own way leads nowhere."""

WAIT_HEADER = "X-Larder-Wait"
"""In how many seconds some place of files may be good again."""

UNHELD_HEADER = "X-Larder-Unheld"
"""The location that nginx goes to, where a file that should be held is not there."""

REASON_HEADER = "X-Larder-Reason"
"""Why nginx, or upstream, has to answer; for the log alone."""

SIZE_HEADER = "X-Larder-Size"
"""The bytes that the client gets elsewhere; for the log alone."""

# nginx's locations, in files.conf.j2.
_LOCATIONS = {
    Answer.HELD: "@held",
    Answer.REDIRECT: "@redirect",
    Answer.PROXY: "@upstream",
    Answer.STREAM: "@stream",
    Answer.SHARED: "@shared",
    Answer.METADATA: "@ask_metadata",
    Answer.NOWHERE: "@nowhere",
}

# The ways on which the bytes pass through this machine, and what is in their place for a
# project of `filters.projects.metadata_only`, whoever asks for whatever part.
_AWAY = {Answer.PROXY: Answer.REDIRECT, Answer.STREAM: Answer.REDIRECT}

_DENIED = "denied"
"""The outcome, and the reason in the log, of what filters refuse."""


class FileResource:
    """`/packages/{path}`: redirects, or tells nginx how to answer."""

    def __init__(self, desk: Desk, metrics: Metrics, lately: Lately, gate: Gate = OPEN) -> None:
        """Let the desk decide about what the gate lets through.

        Who asks for what others asked for just now shares with them.
        """
        self._desk, self._metrics, self._lately, self._gate = desk, metrics, lately, gate

    def on_get(self, req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Answer for GET and HEAD, whole or in ranges: that is nginx's, or upstream's."""
        path = path_of(segments)
        if self._gate.unasked(path):
            resp.status = falcon.HTTP_204
            resp.set_header("X-Accel-Redirect", "@ask_file")
            return
        if reason := self._gate.refusal(path):
            self._metrics.decisions.labels(_DENIED).inc()
            raise _refusal(reason)
        wish = Wish(
            path,
            req.get_header(CLIENT_HEADER) or "",
            head=req.method == "HEAD",
            range=req.get_header("Range"),
            asked=req.get_header(ASKED_HEADER) is not None,
        )
        decision = self._desk.decide(wish)
        if self._gate.redirects(path):
            decision = _sent_away(decision)
        answer = self._shared(wish, decision.answer)
        self._metrics.decisions.labels(answer.value).inc()
        if answer is Answer.REDIRECT:
            resp.set_header(REASON_HEADER, decision.reason)
            # Never for ever: tomorrow the file may be here. And not for the next one,
            # whose network may have another mode.
            resp.status = falcon.HTTP_302
            resp.set_header("Location", decision.redirect_url)
            resp.cache_control = ["no-store"]
            resp.content_type = falcon.MEDIA_TEXT
            if decision.size and req.method == "GET" and not req.get_header("Range"):
                resp.set_header(SIZE_HEADER, str(decision.size))
            return
        self._send(resp, answer, decision)

    on_head = on_get

    @property
    def desk(self) -> Desk:
        """Who decides."""
        return self._desk

    def alone(self, req: falcon.Request, resp: falcon.Response, text: str) -> None:
        """Answer one who cannot share: nginx passes the file through, or the application."""
        decision = self._desk.decide(Wish(text, req.get_header(CLIENT_HEADER) or "", head=True))
        self._send(resp, decision.unheld, decision)

    def _shared(self, wish: Wish, answer: Answer) -> Answer:
        """Return the way, shared where several go it at once."""
        if wish.head or wish.range or answer not in (Answer.PROXY, Answer.STREAM):
            return answer
        several = self._lately.asked(wish.path) or answer is Answer.STREAM
        return Answer.SHARED if several else answer

    def _send(self, resp: falcon.Response, answer: Answer, decision: Decision) -> None:
        # No content, so no Content-Type, which nginx would take over.
        resp.status = falcon.HTTP_204
        resp.set_header("X-Accel-Redirect", _LOCATIONS[answer])
        resp.set_header(REASON_HEADER, decision.reason)
        resp.set_header(UNHELD_HEADER, _LOCATIONS[decision.unheld])
        resp.set_header(UPSTREAM_HEADER, decision.source_url)
        resp.set_header(PLACE_HEADER, decision.place)
        resp.set_header(REDIRECT_HEADER, decision.redirect_url)
        if answer is Answer.NOWHERE:
            resp.set_header(WAIT_HEADER, str(self._desk.targets.retry_after()))
        if answer is Answer.PROXY and decision.place:
            self._desk.targets.sent(decision.place)


class AdmissionResource:
    """`/admissions/{path}`: brings the file's project in, so that filters can judge it."""

    def __init__(self, questions: Questions, gate: Gate) -> None:
        """Ask these questions, which wait their turn; the gate names the project."""
        self._questions, self._gate = questions, gate

    def on_get(self, _req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Answer with the location that decides, once the project's pages are here."""
        if name := self._gate.unasked(path_of(segments)):
            try:
                self._questions.ask(name)
            except HiddenProjectError as error:
                self._questions.metrics.decisions.labels(_DENIED).inc()
                raise _refusal(error.reason) from error
        resp.status = falcon.HTTP_204
        resp.set_header("X-Accel-Redirect", "@file")

    on_head = on_get


def path_of(segments: dict[str, str]) -> str:
    """Return the path below `/packages/` whose parts a route has matched."""
    return "/".join(segments.values())


def _sent_away(decision: Decision) -> Decision:
    """Return a decision without the ways that pass bytes through."""
    first, second = decision.answer, decision.unheld
    return replace(decision, answer=_AWAY.get(first, first), unheld=_AWAY.get(second, second))


def _refusal(reason: str) -> falcon.HTTPForbidden:
    """Return the error for a file that filters refuse."""
    # Not for ever: filters change, and files come of age.
    headers = {"Cache-Control": "no-store", REASON_HEADER: _DENIED}
    return falcon.HTTPForbidden(description=f"{reason}.", headers=headers)
