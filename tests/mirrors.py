"""Configurations of mirrors for tests, and the numbers of free ports."""

import socket
from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

from app.names import FilePath
from app.store import Store
from tests.fake_pypi import FakePypi


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_config(folder: Path, pypi: FakePypi, **changes: object) -> Path:
    """Write a configuration of a small mirror of `pypi`; `changes` replace whole sections."""
    repo = folder / "repo"
    tiers = [(repo / "hot", "1m"), (repo / "cold", "4m")]
    for path, _ in tiers:
        path.mkdir(parents=True, exist_ok=True)
    content = {
        "listen": f"127.0.0.1:{free_port()}",
        "repo_path": str(repo),
        # One probe at the start: the fake's log is to have what tests ask for.
        "upstream": {
            "pypi_url": pypi.pypi_url,
            "packages_url": pypi.packages_url,
            "probe_interval": "1h",
        },
        "index": {"projects": "on-demand"},
        "cache": {
            "min_vote_count": 1,
            "tiers": [{"path": str(path), "size_limit": size} for path, size in tiers],
        },
        "sync": {"retry": 0, "max_age": 0},
        "timeouts": {"upstream": "5s"},
        "schedule": dict.fromkeys(
            ("sync_index", "score", "move", "clean", "read_spool", "verify"), 0
        ),
    }
    path = folder / "larder.yaml"
    with path.open("w") as stream:
        YAML(typ="safe").dump(content | changes, stream)
    return path


def put_wish(store: Store, wish: Mapping[FilePath, tuple[int, float]]) -> None:
    """Put down a wish, by paths."""
    store.replace_wish(numbered(store, wish))


def numbered(
    store: Store, wish: Mapping[FilePath, tuple[int, float]]
) -> list[tuple[int, int, float]]:
    """Have files wished for: each path with the rank of its tier, and its score."""
    known = {one.path: one.file for one in store.unpopular(list(wish))}
    return [(known[path], *place) for path, place in wish.items()]
