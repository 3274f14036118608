"""Pages of the simple index: text to model, model to text, and which of its formats.

Pure: no network, no disk, no clock. `parse` reads what upstream sent, `render` writes
what larder serves, `own` reads that back, `accept` finds the format that a client
wants, and `places` knows where a file of an upstream page is, and where larder offers it.
"""

from app.pages.accept import CLIENT_ACCEPTS, negotiate
from app.pages.own import FILES_URL, parse_own
from app.pages.parse import PageError, merge_legacy, parse_html, parse_json
from app.pages.places import PackagePlaces
from app.pages.provenance import with_own_links
from app.pages.render import (
    FORMAT,
    render_html,
    render_json,
    render_root_html,
    render_root_json,
)

__all__ = [
    "CLIENT_ACCEPTS",
    "FILES_URL",
    "FORMAT",
    "PackagePlaces",
    "PageError",
    "merge_legacy",
    "negotiate",
    "parse_html",
    "parse_json",
    "parse_own",
    "render_html",
    "render_json",
    "render_root_html",
    "render_root_json",
    "with_own_links",
]
