"""The door to uv: which releases some requirements come to, for one target.

uv runs as a child process (`uv pip compile`) and asks upstream itself. It has no
configuration but what stands here: neither the user's nor the environment's.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, NamedTuple

from uv import find_uv_bin

from app.choosing import Kinds, Target
from app.names import InvalidNameError, ProjectName, parse_project

_PLATFORMS: Final[Mapping[str, str]] = {
    "linux-x86_64": "x86_64-unknown-linux-gnu",
    "linux-aarch64": "aarch64-unknown-linux-gnu",
    "linux-riscv64": "riscv64-unknown-linux",
    "musllinux-x86_64": "x86_64-unknown-linux-musl",
    "musllinux-aarch64": "aarch64-unknown-linux-musl",
    "macos-arm64": "aarch64-apple-darwin",
    "macos-x86_64": "x86_64-apple-darwin",
    "windows-amd64": "x86_64-pc-windows-msvc",
    "windows-arm64": "aarch64-pc-windows-msvc",
    "windows-x86": "i686-pc-windows-msvc",
}
"""Our platforms as uv calls them; its Linux is that of glibc 2.28."""

_PIN: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>\S+)")
_FOREIGN: Final = ("UV_", "PIP_", "VIRTUAL_ENV", "CONDA_", "PYTHON")
# The multiplication sign, and what boxes and arrows are drawn with.
_DRAWN: Final = re.compile("[\N{MULTIPLICATION SIGN}\u2500-\u257f\u25b6]+")

_POLL = 0.2
"""Seconds between two looks at whether a signal came."""

PLATFORMS: Final = tuple(_PLATFORMS)
"""The platforms that can be resolved for."""


class UnresolvableError(Exception):
    """Nothing satisfies the requirements; the message is uv's own."""


class ResolverStoppedError(Exception):
    """A signal asked for the end."""


class Release(NamedTuple):
    """A release that a resolution came to."""

    project: ProjectName
    version: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be resolved together."""

    requirements: tuple[str, ...] = ()
    # Files of requirements, and of constraints, in the form of pip's.
    files: tuple[Path, ...] = ()
    constraints: tuple[Path, ...] = ()
    kinds: Kinds = Kinds.ALL
    prereleases: bool = False
    dependencies: bool = True
    # Releases that must not be among them, as constraints: `six!=1.17.0`.
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResolverPolicy:
    """Where and how uv asks."""

    # The simple index, with a user and a password where it needs them.
    index_url: str
    # For everything, whatever the environment says; None leaves it to the environment.
    proxy: str | None
    # How often a request is repeated, and the seconds of silence that end one.
    retry: int
    timeout: int
    # What uv keeps between runs; None: it keeps nothing.
    cache: Path | None


class Resolver:
    """Asks uv; safe for threads."""

    def __init__(self, policy: ResolverPolicy, stopping: Callable[[], bool]) -> None:
        """Prepare; `stopping` says that a signal came."""
        self._policy, self._stopping = policy, stopping

    def resolve(self, question: Question, target: Target) -> frozenset[Release]:
        """Return the releases that a target needs.

        Raises:
            UnresolvableError: There are none, or uv failed.
            ResolverStoppedError: A signal came.

        """
        with _as_file(question.excluded) as excluded:
            question = replace(question, constraints=(*question.constraints, *excluded))
            command = _command(question, target)
            code, output, complaint = self._run(command, question.requirements)
        if code:
            raise UnresolvableError(_told(complaint) or f"uv ended with code {code}")
        return frozenset(_releases(output))

    def _run(self, command: Sequence[str], requirements: Sequence[str]) -> tuple[int, str, str]:
        folder = self._policy.cache
        # uv trusts a page for ten minutes; with `refresh` it asks whether it has changed.
        kept = ["--refresh", "--cache-dir", str(folder)]
        cache = ["--no-cache"] if folder is None else kept
        child = subprocess.Popen(
            [find_uv_bin(), *command, *cache],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(self._policy),
        )
        with child:
            given: str | None = "".join(f"{line}\n" for line in requirements)
            while True:
                try:
                    output, complaint = child.communicate(given, timeout=_POLL)
                except subprocess.TimeoutExpired:
                    # What was given is remembered by the child's object.
                    given = None
                    if self._stopping():
                        child.kill()
                        raise ResolverStoppedError from None
                else:
                    return child.returncode, output, complaint


@contextmanager
def _as_file(lines: Sequence[str]) -> Iterator[tuple[Path, ...]]:
    """Write constraints for uv, which takes them from files alone."""
    if not lines:
        yield ()
        return
    with NamedTemporaryFile("w", prefix="larder-", suffix=".txt") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        yield (Path(file.name),)


def _command(question: Question, target: Target) -> list[str]:
    everything = ":all:"
    options = ["--no-config", "--no-header", "--no-annotate", "--no-progress", "--quiet"]
    options += ["--color", "never", "--no-python-downloads", "--python", sys.executable]
    options += ["--python-version", target.version]
    options += ["--python-platform", _PLATFORMS[target.platform]]
    options += [part for path in question.constraints for part in ("--constraints", str(path))]
    options += ["--only-binary", everything] if question.kinds is Kinds.WHEELS else []
    options += ["--no-binary", everything] if question.kinds is Kinds.SDISTS else []
    options += ["--prerelease", "allow"] if question.prereleases else []
    options += [] if question.dependencies else ["--no-deps"]
    sources = [*map(str, question.files), *(["-"] if question.requirements else [])]
    return ["pip", "compile", *options, *sources]


def _environment(policy: ResolverPolicy) -> dict[str, str]:
    """Return an environment without anybody's settings; a password stands in no command line."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
    if policy.proxy is not None:
        kept |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), policy.proxy)
        kept |= dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), policy.proxy)
    return kept | {
        "UV_DEFAULT_INDEX": policy.index_url,
        "UV_HTTP_RETRIES": str(policy.retry),
        "UV_HTTP_TIMEOUT": str(policy.timeout),
    }


def _releases(output: str) -> Iterator[Release]:
    for line in output.splitlines():
        text = line.partition(" #")[0].split(" ; ")[0].strip()
        if not text or text.startswith(("#", "--")):
            continue
        match = _PIN.fullmatch(text)
        if match is None:
            raise UnresolvableError(f"{text[:120]!r} is no release of an index")
        try:
            yield Release(parse_project(match["name"]), match["version"])
        except InvalidNameError as error:
            raise UnresolvableError(str(error)) from error


def _told(complaint: str) -> str:
    """Return uv's words as one line, without what it draws around them."""
    words = _DRAWN.sub(" ", complaint)
    return " ".join(words.split()).removeprefix("error: ")
