"""The mark by which a mirror knows its own requests when they come back to it."""

from hashlib import blake2b

from app.config.settings import Config


def own_mark(config: Config) -> str:
    """Return this mirror's name in `Via` (RFC 9110, section 7.6.3): a pseudonym, no host name.

    It follows from the configuration, so nginx and the application agree on it without a
    file. Two machines of one configuration share it: a request that goes from one to the
    other would go on for ever just so.
    """
    source = config.upstream
    said = (
        config.listen,
        config.prefix,
        config.repo_path,
        source.pypi_url,
        source.packages_url,
        source.redirect_url,
    )
    return f"larder-{blake2b(repr(said).encode(), digest_size=8).hexdigest()}"
