"""The door to a fake: an `Upstream` whose policy leads there, and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypedDict, Unpack

from app.pages.places import PackagePlaces
from app.upstream import Upstream, UpstreamPolicy
from tests.fake_pypi.fake import FakePypi


class Changes(TypedDict, total=False):
    """Fields of the policy that a test wants otherwise."""

    pypi_url: str
    places: PackagePlaces
    packages_url: tuple[str, ...]
    proxy: str | None
    user_agent: str
    retry: int
    timeout: float
    max_page_size: int
    connections: int
    redirects_to: tuple[str, ...]
    via: str


def policy_for(pypi: FakePypi, **changes: Unpack[Changes]) -> UpstreamPolicy:
    """Return a policy that leads to a fake; it repeats nothing and waits for little."""
    policy = UpstreamPolicy(
        pypi_url=pypi.pypi_url,
        places=PackagePlaces((pypi.packages_url,), explicit=False),
        packages_url=(pypi.packages_url,),
        proxy=None,
        user_agent="larder/0 (test)",
        retry=0,
        timeout=5,
        max_page_size=1 << 20,
        connections=4,
    )
    return replace(policy, **changes)


@contextmanager
def asking(pypi: FakePypi, **changes: Unpack[Changes]) -> Iterator[Upstream]:
    """Yield the door to a fake, and close it."""
    upstream = Upstream(policy_for(pypi, **changes))
    try:
        yield upstream
    finally:
        upstream.close()
