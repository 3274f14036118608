"""What keys say together: contradictions between values that are each right."""

from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from app.config.cache_keys import CACHE_SIZE, DEDUP_WINDOW, TIER_SIZE, VOTE_WINDOW
from app.config.found import Values
from app.config.kinds import Key
from app.config.mirror_keys import PACKAGES_URL, REDIRECT_URL
from app.config.problems import Problems
from app.config.serving_keys import (
    LISTEN,
    METRICS_LISTEN,
    RULE_CIDR,
    TLS_CERT,
    TLS_HSTS,
    TLS_KEY,
    TRUSTED_PROXIES,
)
from app.config.vote_keys import IGNORE_AGENTS

TIERS = "cache.tiers[]"
"""The section of the tiers."""
RULES = "ip_modes.rules[]"
"""The section of the rules."""


def check_agreement(values: Values, problems: Problems) -> None:
    """Note every contradiction between keys."""
    for check in (
        _check_capacity,
        _check_windows,
        _check_tls,
        _check_hsts,
        _check_metrics,
        _check_rules,
        _check_lists,
        _check_loops,
    ):
        check(values, problems)


def _check_capacity(values: Values, problems: Problems) -> None:
    if values.faulty & {"cache", TIERS}:
        return
    tiers = [row.get(TIER_SIZE) or 0 for row in values.rows(TIERS)]
    limit = values.get(CACHE_SIZE)
    place = values.place_of(CACHE_SIZE)
    if not tiers and not values.has(CACHE_SIZE):
        message = (
            "cache.size_limit is missing; say how much disk held files may take, such as"
            " 'size_limit: 512g', or list cache.tiers"
        )
        problems.add(place, message)
    elif limit is not None and sum(tiers) > limit:
        message = (
            f"cache.size_limit: the tiers take {sum(tiers)} bytes together, more than {limit};"
            " make it larger, or remove it"
        )
        problems.add(place, message)


def _check_windows(values: Values, problems: Problems) -> None:
    dedup, vote = values.get(DEDUP_WINDOW), values.get(VOTE_WINDOW)
    if dedup is not None and vote is not None and dedup > vote:
        message = (
            "cache.dedup_window: is longer than cache.vote_window, so that votes would be gone"
            " before the next may come; make it shorter"
        )
        problems.add(values.place_of(DEDUP_WINDOW), message)


def _check_tls(values: Values, problems: Problems) -> None:
    for one, other in ((TLS_CERT, TLS_KEY), (TLS_KEY, TLS_CERT)):
        if values.has(one) and not values.has(other):
            wanted = f"'{other.word}: {other.example}'"
            message = f"{one.name}: means nothing without {other.name}; add {wanted}"
            problems.add(values.place_of(one), message)


def _check_hsts(values: Values, problems: Problems) -> None:
    if values.has(TLS_HSTS) and not values.has(TLS_CERT):
        message = "tls.hsts: means nothing without a certificate; add tls.cert and tls.key"
        problems.add(values.place_of(TLS_HSTS), message)


def _check_metrics(values: Values, problems: Problems) -> None:
    metrics = values.get(METRICS_LISTEN)
    if metrics is None:
        return
    if not _is_loopback(metrics.host):
        message = (
            "metrics.listen: is reachable from outside, and these pages are not for everybody;"
            f" write 127.0.0.1:{metrics.port}"
        )
        problems.add(values.place_of(METRICS_LISTEN), message)
    listen = values.get(LISTEN)
    if listen and listen.port == metrics.port and listen.host in ("", metrics.host):
        message = "metrics.listen: is the same as listen; write another port"
        problems.add(values.place_of(METRICS_LISTEN), message)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_rules(values: Values, problems: Problems) -> None:
    seen: dict[object, str] = {}
    for row in values.rows(RULES):
        network = row.get(RULE_CIDR)
        if network in seen:
            message = (
                f"{row.label_of(RULE_CIDR)}: {network} is in {seen[network]} already; keep one"
            )
            problems.add(row.place_of(RULE_CIDR), message)
        elif network is not None:
            seen[network] = row.label


def _check_lists(values: Values, problems: Problems) -> None:
    keys: Sequence[Key[tuple[Any, ...]]] = (
        PACKAGES_URL,
        REDIRECT_URL,
        TRUSTED_PROXIES,
        IGNORE_AGENTS,
    )
    for key in keys:
        found = values.found.get(key.name)
        items = values.get(key)
        if found is None or items is None:
            continue
        counts: Counter[object] = Counter()
        for index, (item, place) in enumerate(zip(items, found.items, strict=False)):
            if counts[item]:
                problems.add(
                    place, f"{key.name}[{index}]: {item} is in the list already; remove it"
                )
            counts[item] += 1


_PORTS = {"http": 80, "https": 443}


def _check_loops(values: Values, problems: Problems) -> None:
    """Refuse what is this mirror by its very address; the app finds out the rest by probes."""
    listen = values.get(LISTEN)
    keys: Sequence[Key[tuple[str, ...]]] = (PACKAGES_URL, REDIRECT_URL)
    for key in keys:
        found, urls = values.found.get(key.name), values.get(key)
        if listen is None or found is None or urls is None:
            continue
        for url, place in zip(urls, found.items or (found.place,), strict=False):
            parts = urlsplit(url)
            own = (
                parts.hostname == listen.host if listen.host else _is_loopback(parts.hostname or "")
            )
            if own and (parts.port or _PORTS[parts.scheme]) == listen.port:
                message = f"{key.name}: {url} is this mirror itself; name where it gets files from"
                problems.add(place, message)
