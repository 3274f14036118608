"""docs/configuration.md: the table of keys for people."""

from collections.abc import Iterator
from typing import Any

from app.config.kinds import Key
from app.config.table import KEYS, LIST_MARK, SECTIONS

_INTRODUCTION = """\
<!-- Written by `python -m app.config --reference`; change app/config/, not this file. -->

# Configuration

larder reads one YAML file, named by `-c`/`--config` or `LARDER_CONFIG`.
`larder up` without either writes one that explains itself, and uses it.
`larder check-config -c FILE` (or `python -m app.config FILE`) looks a file over.
It prints every problem at once, as `file:line:column: what to do`, and exits with 2; with 0 for a
good file.
Every command looks first, before it starts anything.

The smallest file:

```yaml
repo_path: /srv/larder
cache:
  size_limit: 512g
```

## How the file is read

- A key that is left out has its default. A key without a value (`tls:` and nothing below it, `~`,
  `null`) is a problem: remove the line. `''` leaves out a key that has no default.
- Unknown keys, duplicate keys and contradictions are problems, not warnings.
- Values come from the file alone, never from the environment.
- Relative paths start at the folder of the YAML file.
- A path goes into nginx's configuration or the database's URL. So it may not hold spaces, control
  characters or any of `" ' $ \\ ; { } # % ?`.
- A database's URL is one of libpq's: `?sslmode=verify-full` and its like may follow the name,
  `postgresql:///name?host=/run/postgresql` goes through a socket. In a password `%40` stands for
  `@`, `%2F` for `/`, `%3A` for `:`, `%23` for `#`.
- `repo_path` is made where only its last part is missing. A tier outside `repo_path` must exist: it
  is where a disk should be mounted.
- The file is YAML 1.2 in UTF-8, one document, at most 128 KiB. Anchors and aliases work; merge keys
  (`<<`) and tags (`!!python/…`) do not.
- Whether a value is in quotes makes no difference, but `[v6]:port` needs them.

## Kinds of values

| kind | how it is written |
|---|---|
| a size | a number of bytes, or one with `k`, `m`, `g` or `t`, 1024 each: `512g`, `1.5t` |
| a duration | a number of seconds, or one with `s`, `m`, `h` or `d`: `30s`, `5m`, `2h`, `7d` |
| an address | `:8080` (all of the machine's), `host:8080`, `127.0.0.1:8080`, `'[::1]:8080'` |
| a URL | `http://` or `https://`, a host, a path; no user name, no query |
| a database's URL | `sqlite:///` and a path, or `postgresql://user:password@host:port/name` |
| a network | `10.0.0.0/8`, `2001:db8::/32`, or one address |
| a list | `[one, two]`, or one a line with `- `; a single value needs no list |
"""


def reference() -> str:
    """Return the whole page."""
    return "\n".join((_INTRODUCTION, *_sections(), *_origins()))


def _sections() -> Iterator[str]:
    for section, meaning in SECTIONS.items():
        keys = [key for key in KEYS if key.section == section]
        yield f"## {f'`{section}`' if section else 'The file itself'}\n"
        yield f"{meaning}\n"
        yield "| key | kind | unit | default | meaning |"
        yield "|---|---|---|---|---|"
        yield from map(_row, keys)
        yield f"\n```yaml\n{example(section)}```\n"


def _row(key: Key[Any]) -> str:
    if key.required:
        default = "needed"
    else:
        default = key.absent if key.default is None else f"`{key.default}`"
    cells = (f"`{key.word}`", key.kind.name, key.kind.unit, default, key.meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def example(section: str) -> str:
    """Return the examples of a section's keys as they stand in a file."""
    *outer, last = section.split(".")
    parents = [*outer, last.removesuffix(LIST_MARK)] if section else []
    lines = [f"{'  ' * depth}{word}:" for depth, word in enumerate(parents)]
    indent = "  " * len(parents)
    dash = "- " if section.endswith(LIST_MARK) else ""
    for key in (key for key in KEYS if key.section == section):
        lines.append(f"{indent}{dash}{key.word}: {key.example}")
        dash = "  " if dash else ""
    return "\n".join(lines) + "\n"


def _origins() -> Iterator[str]:
    yield "## Coming from the predecessor\n"
    yield "These keys keep their names, defaults and meanings:\n"
    yield ", ".join(f"`{key.name}`" for key in KEYS if not key.added) + ".\n"
    yield "These are larder's own:\n"
    yield ", ".join(f"`{key.name}`" for key in KEYS if key.added) + ".\n"
