"""docs/serving-rules.md names tests that exist, and the templates keep its rules."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TABLE = (ROOT / "docs" / "serving-rules.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(test_\w+)::(test_\w+)`", TABLE)))
TEMPLATES = sorted((ROOT / "nginx").glob("*.j2"))

# Text of the configuration, what came and was not decoded, and what has letters, digits,
# `.`, `_` and `-` alone. A place of files is text of the configuration; where the application
# sends a client is one of its own headers, whose URL it has quoted.
HARMLESS = {"$is_args", "$args", "$project", "$redirect", "$file_uri", "$scheme", "$http_host"}
HARMLESS |= {"$place_away", "$said_redirect"}


@cache
def _tests_of(module: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / f"{module}.py").read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("module", "test"), NAMED)
def test_a_named_test_exists(module: str, test: str) -> None:
    """A rule whose test was renamed or deleted is no rule any more."""
    assert test in _tests_of(module)


def test_every_rule_names_a_test() -> None:
    """A row without one proves nothing."""
    rows = [line for line in TABLE.splitlines() if line.startswith("| ") and "| test |" not in line]
    assert len(rows) > 40
    assert [] == [row for row in rows if "`test_" not in row.rpartition(" | ")[2]]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_nothing_decoded_is_written_into_a_header(template: Path) -> None:
    """`$uri` and `$1` may hold CR and LF; `alias` lets `/x../` out of its folder."""
    text = re.sub(r"^\s*#.*", "", template.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not re.search(r"^\s*alias\s", text, re.MULTILINE)
    assert not re.search(r"\$(?:uri|document_uri|[1-9])\b", text)
    for line in re.findall(r"^\s*return \d+ .*", text, re.MULTILINE):
        assert set(re.findall(r"\$\w+", line)) <= HARMLESS, line
