"""Entry point of `larder nginx-config`."""

import argparse
import grp
import logging
import os
import pwd
import sys
from collections.abc import Sequence

from app.nginx import UnsafeValueError, render, render_logrotate, this_machine
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
    parser.add_argument(
        "--logrotate",
        action="store_true",
        help="print a file for logrotate instead; for the logs of whoever runs this command",
    )
    options = parser.parse_args(arguments)
    options.verbose = options.quiet = False
    set_up_logging(options)
    try:
        print(_rendered(options.config, logrotate=options.logrotate))
    except JobError as error:
        logger.error("nginx-config: %s", error)
        return error.code
    return ExitCode.DONE


def _rendered(path: str | None, *, logrotate: bool) -> str:
    config = read_config(path)
    directory = RunDirectory(config.repo_path)
    try:
        runtime = this_machine(directory.path, machine.nginx_user(config), machine.find_nginx())
        return render_logrotate(config, runtime, _owner()) if logrotate else render(config, runtime)
    except (UnsafeValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error


def _owner() -> str | None:
    if os.geteuid() == 0:
        return None
    user = pwd.getpwuid(os.geteuid())
    return f"{user.pw_name} {grp.getgrgid(user.pw_gid).gr_name}"


if __name__ == "__main__":
    sys.exit(run())
