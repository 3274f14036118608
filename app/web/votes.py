"""The vote: what nginx asks before it serves a file."""

from collections.abc import Callable
from dataclasses import dataclass

import falcon

from app.clients import network_id, network_of
from app.model import Vote
from app.names import parse_file_path
from app.web.files import path_of
from app.web.metrics import Metrics
from app.web.vote_buffer import VoteBuffer

NETWORK_HEADER = "X-Larder-Network"
"""The client's network, or its address; set by nginx."""


@dataclass(frozen=True, slots=True)
class BallotBox:
    """Where votes are put, and how networks are made unreadable."""

    buffer: VoteBuffer
    # None while the database has not told it.
    network_key: Callable[[], bytes | None]
    clock: Callable[[], float]
    # Whether the database shall know the networks themselves, too.
    keep_networks: bool = False


class VoteResource:
    """`/votes/{path}`: takes a vote, and answers 204 without a look at the database.

    Whether the file is known, and the window open, is found out when it is written.
    """

    def __init__(self, box: BallotBox, metrics: Metrics) -> None:
        """Use a box that stands in this process."""
        self._box, self._metrics = box, metrics

    def on_get(self, req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Take a vote; what is none is answered alike.

        A vote that cannot be taken yet goes to nginx's spool, as any that the application
        fails.
        """
        resp.status = falcon.HTTP_204
        try:
            path = parse_file_path(path_of(segments))
            network = network_of(req.get_header(NETWORK_HEADER) or "")
        except ValueError:
            self._metrics.votes.labels("skipped").inc()
            return
        key = self._box.network_key()
        if key is None:
            raise falcon.HTTPServiceUnavailable(description="the database is away")
        number = network_id(key, network)
        client = network if self._box.keep_networks else None
        self._box.buffer.put(Vote(path, number, int(self._box.clock()), client=client))
