"""What upstream's page had, of projects of which filters hide something.

    sources/{project}.json.gz      a line of facts, and the whole page, as ours would be

No location of nginx's leads there. Written before the page that lacks something of it, and
deleted after the page that lacks nothing: so what is to be shown again need not be fetched.
"""

import gzip
import zlib
from dataclasses import asdict
from pathlib import Path

import orjson

from app.atomic import replacing
from app.filters import Facts
from app.names import ProjectName
from app.packing import pack


class Sources:
    """Keeps them; whoever writes holds the project's lock."""

    def __init__(self, repo_path: Path) -> None:
        """Make the folder when it is first needed."""
        self._folder = repo_path / "sources"
        self._staging = repo_path / "run" / "staging"

    def put(self, name: ProjectName, page: bytes, facts: Facts | None) -> None:
        """Keep a whole page, and what is known of the project's metadata."""
        self._folder.mkdir(exist_ok=True)
        head = orjson.dumps(None if facts is None else asdict(facts))
        with replacing(self._path(name), self._staging) as stream:
            stream.write(pack(head + b"\n" + page))

    def has(self, name: ProjectName) -> bool:
        """Whether a page is kept."""
        return self._path(name).exists()

    def page(self, name: ProjectName) -> bytes | None:
        """Return the page that is kept, or None; raises ValueError where it is damaged."""
        kept = self._kept(name)
        return kept and kept.partition(b"\n")[2]

    def facts(self, name: ProjectName) -> Facts | None:
        """Return the facts that are kept, or None; raises ValueError where they are damaged."""
        kept = self._kept(name)
        known = kept and orjson.loads(kept.partition(b"\n")[0])
        return Facts(**{key: tuple(value) for key, value in known.items()}) if known else None

    def remove(self, name: ProjectName) -> None:
        """Forget a page."""
        self._path(name).unlink(missing_ok=True)

    def _kept(self, name: ProjectName) -> bytes | None:
        try:
            return gzip.decompress(self._path(name).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"what was kept of its page is damaged: {error}") from error

    def _path(self, name: ProjectName) -> Path:
        return self._folder / f"{name}.json.gz"
