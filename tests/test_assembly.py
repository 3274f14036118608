"""What the application and the jobs are built from."""

from dataclasses import replace

from app.assembly import known_hosts, make_policy
from app.config import CachePolicy, Config, DecaySettings
from app.scoring import MIB, Decay, Votes


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


def test_without_a_word_the_policy_is_decay_with_its_own_defaults(config: Config) -> None:
    """The table of keys and the code say the same."""
    cache = config.cache
    assert Decay(cache.min_vote_count, cache.filesize_limit) == make_policy(config)


def test_the_policy_is_what_the_configuration_says(config: Config) -> None:
    """Each parameter reaches the formula; the predecessor's policy has none of its own."""
    decay = DecaySettings(3600, 2 * MIB, 2.0, 3.0, 0.5, 0.25)
    cache = replace(config.cache, min_vote_count=7, filesize_limit=9, decay=decay)
    assert Decay(7, 9, 3600, 2 * MIB, 2.0, 3.0, 0.5, 0.25) == make_policy(
        replace(config, cache=cache)
    )
    votes = replace(cache, policy=CachePolicy.VOTES)
    assert Votes(7, 9) == make_policy(replace(config, cache=votes))
