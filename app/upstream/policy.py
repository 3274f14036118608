"""What the door is told: where upstream is, and how it may be asked."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from app.names import FilePath, ProjectName
from app.pages.places import PackagePlaces

# devpi's index of `/root/pypi/` is at `/root/pypi/+simple/`.
_SIMPLE_FOLDERS = ("/simple", "/+simple")


@dataclass(frozen=True, slots=True)
class UpstreamPolicy:
    """Where upstream is, and how it may be asked."""

    # A base (`https://pypi.org`) or the simple index itself (`…/simple`, `…/+simple`);
    # a user and a password in it are sent to its host alone.
    pypi_url: str
    # How the links of pages become paths of ours.
    places: PackagePlaces
    # What stands for `/packages/`; asked in this order.
    packages_url: tuple[str, ...]
    # For everything, whatever the environment says; None leaves it to the environment.
    proxy: str | None
    user_agent: str
    # How often a request is repeated after the first try.
    retry: int
    # Seconds of silence.
    timeout: float
    # Bytes of one page, unpacked.
    max_page_size: int
    # So many pages are asked for at once; as many idle ones are kept for each host.
    connections: int
    # Internal hosts that upstream may redirect to, besides those above.
    redirects_to: tuple[str, ...] = ()
    # By what this mirror knows a request of its own; empty: nothing is said.
    via: str = ""

    @property
    def configured(self) -> frozenset[str]:
        """`host[:port]` of every URL that stands here."""
        urls = (self.pypi_url, *self.packages_url, *self.redirects_to)
        return frozenset(urlsplit(url).netloc.rpartition("@")[2].lower() for url in urls)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, for one host."""

    host: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """The URLs of an index."""

    # Without a slash at the end.
    base: str
    simple: str
    credentials: Credentials | None = None

    @classmethod
    def parse(cls, pypi_url: str) -> Self:
        """Return what follows from `upstream.pypi_url`."""
        parts = urlsplit(pypi_url)
        host = parts.netloc.rpartition("@")[2]
        credentials = None
        if parts.username is not None:
            user, password = unquote(parts.username), unquote(parts.password or "")
            credentials = Credentials(host, user, password)
        url = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
        for folder in _SIMPLE_FOLDERS:
            if url.endswith(folder):
                return cls(url.removesuffix(folder), url, credentials)
        return cls(url, f"{url}/simple", credentials)

    def page(self, name: ProjectName) -> str:
        """Return where a project's page is; PyPI wants the slash."""
        return f"{self.simple}/{name}/"

    @property
    def root(self) -> str:
        """Where the list of projects is."""
        return f"{self.simple}/"

    @property
    def xmlrpc(self) -> str:
        """Where PyPI takes XML-RPC."""
        return f"{self.base}/pypi"

    @property
    def legacy(self) -> tuple[str, ...]:
        """Where legacy JSON may be: as PyPI has it, then as seen from below `/pypi`."""
        return (f"{self.base}/pypi/{{}}/json", f"{self.base}/{{}}/json")


def url_below(packages_url: str, path: FilePath) -> str:
    """Return the URL of a file on a file host."""
    return f"{packages_url.rstrip('/')}/{quote(path)}"
