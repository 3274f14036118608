"""Checks a configuration: `python -m app.config FILE`; 0 is good, 2 is not."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from app.config.problems import ConfigError
from app.config.reader import load
from app.config.reference import reference

_GOOD = 0
_BAD = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the file and print its problems, or print the reference; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app.config", description="Check a YAML file.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", type=Path, help="the configuration")
    what.add_argument("--reference", action="store_true", help="print docs/configuration.md")
    options = parser.parse_args(arguments)
    if options.reference:
        sys.stdout.write(reference())
        return _GOOD
    try:
        load(options.file)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return _BAD
    return _GOOD


if __name__ == "__main__":
    sys.exit(main())
