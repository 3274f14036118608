"""The session that all threads share: requests', without what is not wanted here."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import get_netrc_auth

from app.upstream.guard import Guard
from app.upstream.policy import UpstreamPolicy
from app.upstream.retries import adapter

T = TypeVar("T")

# Of a request: stream, verify, cert.
_UNSAID: Final = (None, None, None)

_PLAIN: Final = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]+)?/[A-Za-z0-9._~/-]*")
"""A URL that is sent as it is: nothing to encode, no user, no query."""


class Session(requests.Session):
    """A session that does without redirects, cookies and hooks.

    It would read a redirect's body into memory, unpacked, whatever its size, and it
    does not know which hosts are trusted with what. The rest takes as long as to send
    the request and to read the answer.
    """

    def __init__(self, policy: UpstreamPolicy, guard: Guard) -> None:
        """Know nothing of the environment yet."""
        super().__init__()
        self._environment: dict[str, dict[str, Any]] = {}
        self._netrc: dict[str, tuple[str, str] | None] = {}
        pool = adapter(policy.retry, policy.connections, guard)
        self.mount("https://", pool)
        self.mount("http://", pool)
        self.headers["User-Agent"] = policy.user_agent
        self.headers["Accept-Encoding"] = "gzip"
        if policy.via:
            self.headers["Via"] = f"1.1 {policy.via}"
        # What every request says.
        self._said = {name: str(value) for name, value in self.headers.items()}

    def prepared(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        auth: tuple[str, str] | None,
    ) -> requests.PreparedRequest:
        """Return a request as it is sent; without `auth` that of `.netrc` counts."""
        request = requests.PreparedRequest()
        auth = auth or self._known(self._netrc, get_netrc_auth, url)
        if auth is None and body is None and _PLAIN.fullmatch(url):
            # What `prepare_*` would make of it, in a tenth of the time.
            request.method, request.url = method, url
            request.headers = CaseInsensitiveDict({**self._said, **headers})
            return request
        request.prepare_method(method)
        request.prepare_url(url, None)
        request.prepare_headers({**self._said, **headers})
        request.prepare_body(body, None)
        request.prepare_auth(auth, url)
        return request

    def sent(
        self,
        request: requests.PreparedRequest,
        timeout: tuple[float, float],
        proxies: Mapping[str, str] | None,
    ) -> requests.Response:
        """Send a request; what the environment says of its host is kept."""
        url = request.url or ""
        known = self._known(self._environment, self._settings, url)
        merged = {**known["proxies"], **(proxies or {})}
        adapter = self.get_adapter(url)
        return adapter.send(
            request,
            stream=True,
            timeout=timeout,
            verify=known["verify"],
            cert=known["cert"],
            proxies=merged,
        )

    def _settings(self, url: str) -> dict[str, Any]:
        return {**self.merge_environment_settings(url, {}, *_UNSAID)}

    @staticmethod
    def _known(found: dict[str, T], look: Callable[[str], T], url: str) -> T:
        """Return what was found out about a URL's host: it takes long to look it up."""
        host = url[: url.find("/", len("https://"))]
        if host not in found:
            found[host] = look(url)
        return found[host]
