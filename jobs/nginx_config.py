"""Entry point of `larder nginx-config`."""

import argparse
import logging
import sys
from collections.abc import Sequence

from app.nginx import UnsafeValueError, render, this_machine
from app.runtime import RunDirectory
from jobs import machine
from jobs.exit_codes import ExitCode, JobError, UsageError
from jobs.harness import add_config_option, read_config, set_up_logging

logger = logging.getLogger("larder")


def run(arguments: Sequence[str] | None = None) -> int:
    """Print the nginx configuration for a YAML file; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="larder nginx-config",
        description="Print the nginx configuration for a YAML file.",
    )
    add_config_option(parser)
    options = parser.parse_args(arguments)
    options.verbose = options.quiet = False
    set_up_logging(options)
    try:
        print(_rendered(options.config))
    except JobError as error:
        logger.error("nginx-config: %s", error)
        return error.code
    return ExitCode.DONE


def _rendered(path: str | None) -> str:
    config = read_config(path)
    directory = RunDirectory(config.repo_path)
    try:
        runtime = this_machine(directory.path, machine.nginx_user(config), machine.find_nginx())
        return render(config, runtime)
    except (UnsafeValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error


if __name__ == "__main__":
    sys.exit(run())
