"""What a dry run works on where a mirror has not been made yet: an empty one, elsewhere.

Planning opens database, pages and tiers, and opening makes what is missing. A dry run
must not, so each of them that is missing is made in a folder that goes with the run. A
database that is there is only looked at.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from app.config import Config
from app.config.settings import TierSettings
from app.store import Store


@contextmanager
def without_traces(config: Config) -> Iterator[Config]:
    """Return the configuration with a stand-in for whatever is not there yet."""
    with tempfile.TemporaryDirectory(prefix="larder-") as name:
        folder = Path(name)
        tiers = [
            _tier(tier, folder / f"tier-{rank}") for rank, tier in enumerate(config.cache.tiers)
        ]
        # A repository without pages has never been synchronised.
        made = (config.repo_path / "simple").exists()
        yield replace(
            config,
            repo_path=config.repo_path if made else folder,
            database=_database(config.database, folder),
            cache=replace(config.cache, tiers=tuple(tiers)),
        )


def _tier(tier: TierSettings, stand_in: Path) -> TierSettings:
    if tier.path.exists():
        return tier
    stand_in.mkdir()
    return replace(tier, path=stand_in)


def _database(url: str, folder: Path) -> str:
    return Store.unchangeable(url) if Store.exists(url) else f"sqlite:///{folder}/larder.db"
