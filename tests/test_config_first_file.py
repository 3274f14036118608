"""The configuration that `larder up` writes."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from app.config import Address, ConfigError, Projects, TierSettings, default_yaml, load
from app.config.first_file import quoted
from app.config.table import KEYS

# A comment of words has one space after its '#'.
_SWITCHED_OFF = re.compile(r"^( *)#(?=\S|  )", re.MULTILINE)


def test_it_loads_before_anything_is_there(tmp_path: Path) -> None:
    """On an empty disk, with what a first start wants."""
    repo = tmp_path / "var"
    path = tmp_path / "larder.yaml"
    path.write_text(default_yaml(repo))
    config = load(path)
    assert Address("127.0.0.1", 8080) == config.listen
    assert repo == config.repo_path
    assert Projects.ON_DEMAND is config.projects
    assert "https://pypi.org/" == config.upstream.pypi_url
    assert not config.upstream.packages_url_explicit
    assert 2 == config.cache.min_vote_count
    assert (
        TierSettings(repo / "hot", 5 * 1024**3),
        TierSettings(repo / "cold", 20 * 1024**3),
    ) == config.cache.tiers


@pytest.mark.parametrize("listen", ["[::1]:8080", ":80", "mirror.example.org:80"])
def test_it_takes_any_address(tmp_path: Path, listen: str) -> None:
    """In quotes where YAML needs them."""
    path = tmp_path / "larder.yaml"
    path.write_text(default_yaml(tmp_path, listen))
    assert int(listen.rpartition(":")[2]) == load(path).listen.port


def test_a_relative_folder_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file stands in that folder, so a relative path would start there."""
    monkeypatch.chdir(tmp_path)
    assert f"\nrepo_path: {tmp_path}/var\n" in default_yaml(Path("var"))


def test_it_explains_every_key(tmp_path: Path) -> None:
    """No key is left out, and a comment stands before each section and each key."""
    lines = _SWITCHED_OFF.sub(r"\1", default_yaml(tmp_path)).splitlines()
    for key in KEYS:
        assert any(re.match(rf"\s*(- )?{key.word}: ", line) for line in lines), key.name
    for before, line in pairwise(lines):
        # The second key of a tier is explained with the first.
        if line and not before.lstrip().startswith(("#", "- path")):
            assert line.lstrip().startswith("#"), line


def test_what_is_switched_off_is_right_too(tmp_path: Path) -> None:
    """Without its '#' each line is good, but for what is not on this disk."""
    path = tmp_path / "larder.yaml"
    path.write_text(_SWITCHED_OFF.sub(r"\1", default_yaml(tmp_path)))
    with pytest.raises(ConfigError) as caught:
        load(path)
    missing = [problem.message.partition(":")[0] for problem in caught.value.problems]
    elsewhere = {f"filters.projects.files[{index}]" for index in range(2)}
    assert {"log.path", "tls.cert", "tls.key", *elsewhere} >= set(missing)


def test_texts_are_quoted_where_yaml_needs_it() -> None:
    """A colon at the end would make a mapping, a bracket a list."""
    assert quoted("/srv/x:") == '"/srv/x:"'
    assert quoted("[::1]:80") == '"[::1]:80"'
    assert quoted("/srv/größe") == '"/srv/größe"'
    assert quoted(":8080") == ":8080"
    assert quoted("https://pypi.org") == "https://pypi.org"
