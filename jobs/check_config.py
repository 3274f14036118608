"""Entry point of `larder check-config`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from app.config import ConfigError, load
from jobs.exit_codes import ExitCode
from jobs.harness import FIRST_FILE, add_config_option


def run(arguments: Sequence[str] | None = None) -> int:
    """Say everything that is wrong with a configuration; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="larder check-config",
        description="Check a YAML file and report every problem at once.",
    )
    add_config_option(parser)
    parser.add_argument("file", nargs="?", metavar="FILE", help="the file, as with -c")
    options = parser.parse_args(arguments)
    path = options.file or options.config or str(FIRST_FILE)
    try:
        load(Path(path))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return ExitCode.USAGE
    print(f"{path}: no problems")
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(run())
