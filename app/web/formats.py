"""Which format of a page a client wants, where nginx leaves that to the application."""

from urllib.parse import unquote_plus

import falcon

from app.model import PageFormat
from app.pages.accept import negotiate

# nginx's locations, in pages.conf.j2, which ask for a page that is not here.
_LOCATIONS = {
    PageFormat.JSON: "@format_json",
    PageFormat.HTML: "@format_html",
    PageFormat.V1_HTML: "@known_v1_html",
}


class FormatResource:
    """`/format`: reads the headers of a request for a page, whichever page that is."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell nginx the format."""
        # No content, so no Content-Type, which nginx would take over.
        resp.status = falcon.HTTP_204
        resp.set_header("X-Accel-Redirect", _LOCATIONS[wanted_format(req)])

    on_head = on_get


def wanted_format(req: falcon.Request) -> PageFormat:
    """Return the format that a client wants (PEP 691).

    Raises:
        HTTPNotAcceptable: None that there is.

    """
    wanted = negotiate(req.get_header("Accept"), _queried(req.query_string))
    if wanted is None:
        offered = ", ".join(PageFormat)
        raise falcon.HTTPNotAcceptable(
            description=f"This index is offered as: {offered}", headers={"Vary": "Accept"}
        )
    return wanted


def _queried(query: str) -> str | None:
    """Return the value of `?format=` that counts: the first one, as nginx's `$arg_format`."""
    for parameter in query.split("&"):
        name, equals, value = parameter.partition("=")
        if equals and name.lower() == "format":
            return unquote_plus(value)
    return None
