"""Configurations of the mirrors that are measured."""

from pathlib import Path

from ruamel.yaml import YAML

from tests.mirrors import free_port

CONNECTIONS = 10


def write_mirror(folder: Path, upstream: str) -> Path:
    """Write the configuration of a larder of all projects; return its path."""
    folder.mkdir(parents=True)
    content = {
        "listen": f"127.0.0.1:{free_port()}",
        "repo_path": str(folder / "repo"),
        "upstream": {
            "pypi_url": upstream,
            "packages_url": "https://files.pythonhosted.org/packages/",
        },
        "index": {"projects": "all"},
        "cache": {"size_limit": "1g"},
        "sync": {"concurrent_downloads": CONNECTIONS},
    }
    path = folder / "larder.yaml"
    with path.open("w") as stream:
        YAML(typ="safe").dump(content, stream)
    return path
