"""The door to upstream: the only user of requests.

`Upstream` asks an index for projects and serials, and file hosts for files. What goes
wrong is an `UpstreamError`; `app.upstream.errors` draws the tree.
"""

from app.upstream.changelog import NoChangelog
from app.upstream.door import Upstream
from app.upstream.errors import (
    CutBodyError,
    NoSuchFile,
    NoSuchProject,
    UpstreamError,
    UpstreamUnavailable,
    UpstreamUntrusted,
    shown,
)
from app.upstream.files import FileBody
from app.upstream.legacy import Legacy
from app.upstream.policy import Addresses, UpstreamPolicy
from app.upstream.probing import failure_by, failure_of
from app.upstream.projects import FetchedProject, Validators
from app.upstream.serials import NotModified, SerialList

__all__ = [
    "Addresses",
    "CutBodyError",
    "FetchedProject",
    "FileBody",
    "Legacy",
    "NoChangelog",
    "NoSuchFile",
    "NoSuchProject",
    "NotModified",
    "SerialList",
    "Upstream",
    "UpstreamError",
    "UpstreamPolicy",
    "UpstreamUnavailable",
    "UpstreamUntrusted",
    "Validators",
    "failure_by",
    "failure_of",
    "shown",
]
