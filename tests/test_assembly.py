"""What the application and the jobs are built from."""

from dataclasses import replace

from app.assembly import known_hosts
from app.config import Config


def test_the_hosts_that_may_be_asked_are_those_of_the_configuration(config: Config) -> None:
    """By host and port, whatever the letters' case, without a user and a password."""
    upstream = replace(
        config.upstream,
        pypi_url="https://user:secret@Index.example.org/",
        packages_url=("http://A.example.org:81/x/",),
        redirect_url=("http://a.example.org:81/y/", "https://b.example.org/packages/"),
    )
    expected = {"index.example.org", "a.example.org:81", "b.example.org"}
    assert expected == known_hosts(replace(config, upstream=upstream))
