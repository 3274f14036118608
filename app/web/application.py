"""The application: its parts, and every route."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import falcon

from app.index import HiddenProjectError
from app.web import errors
from app.web.core_metadata import MetadataResource
from app.web.decisions import Desk
from app.web.documents import (
    LegacyDesk,
    LegacyResource,
    ProvenanceResource,
    ReleaseResource,
)
from app.web.files import AdmissionResource, FileResource
from app.web.formats import FormatResource
from app.web.gate import OPEN, Gate, Screen
from app.web.health import HealthResource, MetricsResource
from app.web.lately import Lately
from app.web.metrics import Metrics
from app.web.opening import FileHost, Opener
from app.web.places import Places
from app.web.shared import SharedDownloads
from app.web.sharing import SharedResource
from app.web.simple import CANONICAL, NameResource, ProjectResource, Questions, RootResource
from app.web.streams import StreamResource
from app.web.votes import BallotBox, VoteResource

_FILE = "/{first}/{second}/{rest}/{name}"
"""The path of a file, as `app.names.FilePath` has it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application is made of."""

    # What stands in front of every URL that clients see.
    prefix: str
    # The folder of the index's pages.
    simple: Path
    questions: Questions
    legacy: LegacyDesk
    provenance: ProvenanceResource
    metadata: MetadataResource
    ballot_box: BallotBox
    desk: Desk
    file_host: FileHost
    # For files that pass through this process.
    stream_places: Places
    # For those who read behind a shared download, and where such downloads lie.
    reader_places: Places
    shared: Path
    metrics: Metrics
    # What filters refuse, and how.
    gate: Gate = OPEN
    screen: Screen = field(default_factory=Screen)


def create_app(parts: Parts) -> "falcon.App[Any, Any]":
    """Wire the parts together."""
    app = falcon.App()
    errors.install(app)
    app.add_error_handler(HiddenProjectError, parts.screen.answer_for)
    opener = Opener(parts.desk, parts.file_host)
    parts.desk.targets.counter = parts.metrics
    files = FileResource(parts.desk, parts.metrics, Lately(), parts.gate)
    streams = StreamResource(parts.desk, opener, parts.stream_places)
    shared = SharedResource(files, SharedDownloads(parts.shared, opener), parts.reader_places)
    app.add_route("/simple/", RootResource(parts.simple))
    app.add_route("/simple/{name}/", ProjectResource(parts.questions))
    app.add_route("/canonical/simple/{name}/", ProjectResource(parts.questions, CANONICAL))
    app.add_route("/canonical/names/{name}", NameResource(f"{parts.prefix}/canonical"))
    app.add_route("/format", FormatResource())
    app.add_route("/legacy/{name}", LegacyResource(parts.legacy))
    app.add_route("/legacy/{name}/{version}", ReleaseResource(parts.legacy))
    app.add_route("/provenance/{name}/{version}/{filename}", parts.provenance)
    app.add_route("/names/{name}", NameResource(parts.prefix))
    app.add_route(f"/votes{_FILE}", VoteResource(parts.ballot_box, parts.metrics))
    app.add_route(f"/packages{_FILE}", files)
    app.add_route(f"/admissions{_FILE}", AdmissionResource(parts.questions, parts.gate))
    app.add_route(f"/streams{_FILE}", streams)
    app.add_route(f"/shared{_FILE}", shared)
    app.add_route(f"/metadata{_FILE}", parts.metadata)
    app.add_route("/healthz", HealthResource())
    # Compiled now: else the first vote would wait for it.
    app.add_route("/metrics", MetricsResource(parts.metrics), compile=True)
    return app
