"""From the YAML file's configuration to nginx's, whole."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from app.config.identity import own_mark
from app.config.settings import Address, Config, LogFormat, VotesVia
from app.model import PageFormat
from app.nginx.accepting import (
    FIRST_IS_BEST,
    PLAIN,
    SECOND_IS_BETTER,
    TWICE,
    kinds,
    queried,
)
from app.nginx.hsts import with_hsts
from app.nginx.machine import Runtime
from app.nginx.values import Safe, mention, pattern, plain, quoted, sentence, socket
from app.pages.accept import CLIENT_ACCEPTS

VOTE_TIMEOUT_MS = 20
"""How long a download may wait for its vote. A healthy application answers in one or
two milliseconds. A slow one (50 ms an answer) would, below a longer limit, slow down
every download; above this one it is left alone for `BREAKER_SECONDS`."""

BREAKER_SECONDS = 10
"""How long an application that failed to answer is not asked again. Once in so many
seconds one client waits for the time-out."""

DECISION_TIMEOUT_MS = 1000
"""How long the application may take to say where a file is: one look into the
database, which may have to wait for a writer."""

FORMAT_TIMEOUT_MS = 100
"""How long the application may take to read a header, which takes it less than one."""

_ASK_MARGIN = 15
"""Seconds for the application to give up on upstream before nginx gives up on it."""

# The page's file for each format. The one without a file of its own is another's under its
# own type, which takes a location (accept.conf.j2).
_SUFFIXES = {
    PageFormat.HTML: Safe(".html"),
    PageFormat.JSON: Safe(".v1.json"),
    PageFormat.V1_HTML: Safe(".v1.html"),
}

# From this one on nginx joins several lines of a header into one value.
_JOINS_LINES = (1, 23, 0)

# nginx 1.25.1 made HTTP/2 a directive of its own, and warns of the old form.
_HTTP2_DIRECTIVE = (1, 25, 1)

_THOUSAND = 1000

_MAX_CONNECTIONS = 16_384
"""Of one worker. A download that is passed through takes two."""


def render(config: Config, runtime: Runtime) -> str:
    """Return the whole of nginx.conf.

    Raises:
        UnsafeValueError: A value cannot be written into it.

    """
    environment = Environment(
        loader=PackageLoader("nginx", ""),
        undefined=StrictUndefined,
        # The output is no HTML; `finalize` refuses whatever is not checked.
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_only_checked,
    )
    text = environment.get_template("nginx.conf.j2").render(
        **_of_machine(runtime),
        **_of_mirror(config),
        **_of_serving(config, runtime),
        **_of_votes(config),
        **_of_formats(runtime),
    )
    return with_hsts(text, config.tls.hsts) if config.tls and config.tls.hsts else text


class _Checked(str):
    """Text that may be written: what the views below hand to the templates."""

    __slots__ = ()


def _only_checked(value: object) -> object:
    if isinstance(value, (_Checked, int)):
        return value
    message = f"{value!r} was not checked before it was written into nginx's configuration"
    raise TypeError(message)


def _view(**values: Safe | int | list[Safe] | None) -> dict[str, object]:
    return {name: _wrap(value) for name, value in values.items()}


def _wrap(value: Safe | int | list[Safe] | None) -> object:
    if isinstance(value, list):
        return [_Checked(item) for item in value]
    return _Checked(value) if isinstance(value, str) else value


def _of_machine(runtime: Runtime) -> dict[str, object]:
    connections = min(_MAX_CONNECTIONS, max(16, runtime.open_files // 2))
    return _view(
        user=plain(runtime.user, "user") if runtime.user else None,
        run_dir=plain(runtime.run_dir, "the run directory"),
        app_socket=socket(runtime.app_socket, "the application's socket"),
        fallback_socket=socket(runtime.fallback_socket, "the fallback's socket"),
        spool=quoted(runtime.spool, "the spool"),
        traffic_spool=quoted(runtime.traffic_spool, "the traffic's spool"),
        ca_file=quoted(runtime.ca_file, "the file of certificates"),
        resolvers=[plain(server, "a name server") for server in runtime.resolvers],
        ipv6=runtime.ipv6,
        workers=runtime.workers,
        open_files=runtime.open_files,
        connections=connections,
        network_connections=connections * runtime.workers // 4,
    )


def _of_mirror(config: Config) -> dict[str, object]:
    seconds = config.timeouts
    tiers = [tier.path for tier in config.cache.tiers]
    return _view(
        prefix=plain(config.prefix, "prefix"),
        prefix_pattern=pattern(config.prefix, "prefix"),
        repo_path=plain(config.repo_path, "repo_path"),
        tiers=[plain(_absolute(path), "cache.tiers") for path in tiers],
        tier_roots=[quoted(path, "cache.tiers") for path in tiers],
        tier_patterns=[pattern(str(path), "cache.tiers") for path in tiers],
        canonical=config.canonical,
        pypi_url=plain(config.upstream.pypi_url, "upstream.pypi_url"),
        redirect_urls=[plain(url, "upstream.redirect_url") for url in config.upstream.redirect_url],
        own_mark=plain(own_mark(config), "the mirror's mark"),
        user_agent=sentence(config.sync.user_agent, "sync.user_agent"),
        client_read=seconds.read,
        client_write=seconds.write,
        client_idle=seconds.idle,
        upstream_read=seconds.upstream,
        ask_timeout=seconds.upstream + _ASK_MARGIN,
        breaker=BREAKER_SECONDS,
        decision_timeout=DECISION_TIMEOUT_MS,
        filters=int(not config.filters.empty),
    )


def _of_votes(config: Config) -> dict[str, object]:
    agents = config.votes.ignore_agents
    return _view(
        votes_by_log=config.votes.via is VotesVia.LOG,
        vote_timeout=VOTE_TIMEOUT_MS,
        dedup_window=config.cache.dedup_window,
        vote_rate=_vote_rate(config.cache.dedup_window),
        ignored_agents=[mention(agent, "votes.ignore_agents") for agent in agents],
    )


def _vote_rate(window: int) -> int:
    """Return the lowest rate, in requests a minute, that lets each window's first one pass.

    nginx keeps thousandths of a request a second, rounded down: with `1r/m` the next one
    passes after 62.5 seconds.
    """
    seconds = max(1, window)
    return next(rate for rate in range(1, 61) if rate * 1000 // 60 * seconds >= _THOUSAND)


def _of_serving(config: Config, runtime: Runtime) -> dict[str, object]:
    formats = {LogFormat.JSON: "mirror-json", LogFormat.COMBINED: "combined"}
    tls, log, metrics = config.tls, config.log, config.metrics_listen
    http2_directive = runtime.version >= _HTTP2_DIRECTIVE
    return _view(
        listens=_listens(config.listen, runtime),
        listen_options=_listen_options(tls is not None, http2_directive),
        http2_directive=http2_directive,
        cert=quoted(tls.cert, "tls.cert") if tls else None,
        key=quoted(tls.key, "tls.key") if tls else None,
        trusted_proxies=[plain(network, "trusted_proxies") for network in config.trusted_proxies],
        access_log=quoted(log.path, "log.path") if log.path else None,
        log_format=plain(formats[log.format], "log.format"),
        metrics_listens=_listens(metrics, runtime) if metrics else [],
    )


def _absolute(path: Path) -> str:
    """Return a tier's path as `try_files` below the root `/` wants it."""
    return "" if path == Path("/") else str(path)


def _listens(address: Address, runtime: Runtime) -> list[Safe]:
    """Return the parameters of the `listen` directives that an address needs."""
    if address.host:
        host = f"[{address.host.strip('[]')}]" if ":" in address.host else address.host
        return [plain(f"{host}:{address.port}", "listen")]
    every = [plain(address.port, "listen")]
    if runtime.ipv6:
        every.append(plain(f"[::]:{address.port}", "listen"))
    return every


def _listen_options(tls: bool, http2_directive: bool) -> Safe:  # noqa: FBT001
    if not tls:
        return Safe("")
    return Safe(" ssl") if http2_directive else Safe(" ssl http2")


def _of_formats(runtime: Runtime) -> dict[str, object]:
    """Return what the choice of a page's format needs (`accept.conf.j2`)."""
    view = _view(
        twice=TWICE,
        plain=PLAIN,
        first_is_best=FIRST_IS_BEST,
        second_is_better=SECOND_IS_BETTER,
        offered=plain(", ".join(PageFormat), "the formats"),
        format_timeout=FORMAT_TIMEOUT_MS,
        sees_all_lines=runtime.version >= _JOINS_LINES,
    )
    ranges = [
        {
            **_view(name=kind.name),
            "qualities": [_view(pattern=one.pattern, value=one.value) for one in kind.qualities],
        }
        for kind in kinds()
    ]
    return {
        **view,
        "accepts": _accepts(CLIENT_ACCEPTS),
        "formats": [_view(pattern=queried(one), suffix=_SUFFIXES[one]) for one in PageFormat],
        "kinds": ranges,
    }


def _accepts(known: Mapping[str, PageFormat]) -> list[dict[str, object]]:
    """Return the Accept values that nginx answers itself, and the suffix of the page."""
    return [
        _view(value=sentence(f"|{accept}", "an Accept value"), suffix=_SUFFIXES[wanted])
        for accept, wanted in {"": PageFormat.HTML, **known}.items()
    ]
