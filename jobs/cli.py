"""Entry point of `larder`: the commands, each a module of its own."""

import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from jobs.exit_codes import MEANINGS, ExitCode

COMMANDS: Final = {
    "up": "run the whole mirror in the foreground",
    "sync": "run sync-index, score, move and clean: cron's one entry",
    "sync-index": "bring the index in step with upstream",
    "score": "count votes, and decide which files should be here",
    "fetch": "download requirements with all that they need, and keep them",
    "move": "fetch, promote, demote and evict files as score decided",
    "verify": "hash held files again, and take out what is rotten",
    "bundle": "write pages and held files as a signed bundle, to carry across an air gap",
    "load": "take in a bundle",
    "read-spool": "count what nginx wrote: votes, while the app was away, and answers",
    "clean": "delete what has expired",
    "status": "say how fresh the mirror is, what it holds, and what is stuck",
    "why": "say of a project's files which filter lets them in, or out",
    "nginx-config": "print the nginx configuration for a YAML file",
    "check-config": "check a YAML file: every problem at once",
}
"""Each command and what it does; its module is the name with underscores."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given:
        print(usage(), file=sys.stderr)
        return ExitCode.USAGE
    name, *rest = given
    if name in ("-h", "--help", "help"):
        print(usage())
        return ExitCode.DONE
    if name in ("-V", "--version"):
        print(f"larder {version('larder')}")
        return ExitCode.DONE
    if name not in COMMANDS:
        print(f"larder: there is no command {name!r}; see `larder help`", file=sys.stderr)
        return ExitCode.USAGE
    # Only the command's own module: `larder check-config` need not load the web.
    module = importlib.import_module(f"jobs.{name.replace('-', '_')}")
    code: int = module.run(rest)
    return code


def usage() -> str:
    """Return the help: commands and exit codes."""
    width = max(map(len, COMMANDS)) + 2
    lines = ["usage: larder COMMAND [-c FILE] [OPTION…]", "", "commands:"]
    lines += [f"  {name:<{width}}{what}" for name, what in COMMANDS.items()]
    lines += [f"  {'test':<{width}}run the test suite (through ./larder only)"]
    lines += ["", "exit codes:"]
    lines += [f"  {code:<{width}}{what}" for code, what in MEANINGS.items()]
    lines += [f"  {'130, 143':<{width}}stopped by SIGINT, SIGTERM", ""]
    lines += ["`larder COMMAND --help` tells a command's options."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
