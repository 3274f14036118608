"""What `up` asks of, and tells to, the machine that it runs on."""

import errno
import http.client
import os
import pwd
import shutil
import socket
import ssl
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from app.config import Config
from app.config.settings import Address
from jobs.exit_codes import UsageError

_NGINX_PLACES = ("/usr/sbin", "/usr/local/sbin", "/sbin")
"""Where nginx is on machines whose users do not have it on their PATH."""

_NGINX_USER = "www-data"
_OK = 200


def find_nginx() -> str:
    """Return nginx's path.

    Raises:
        UsageError: It is not installed.

    """
    search = os.pathsep.join([os.environ.get("PATH", ""), *_NGINX_PLACES])
    found = shutil.which("nginx", path=search)
    if found is None:
        message = "nginx is not installed; install it (Debian, Ubuntu: apt-get install nginx)"
        raise UsageError(message)
    return found


def check_port(listen: Address) -> None:
    """Make sure that nginx will be able to listen.

    Raises:
        UsageError: Another program listens there, or the address is not this machine's.

    """
    host = listen.host or "0.0.0.0"  # noqa: S104
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As nginx does: a connection that is still winding down is no listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, listen.port))
            probe.listen()
        except OSError as error:
            message = (
                f"cannot listen on {host} port {listen.port}: {error.strerror}; "
                f"{_what_to_do(error)} in the configuration"
            )
            raise UsageError(message) from error


def _what_to_do(error: OSError) -> str:
    """Return the advice for an address that cannot be listened on, up to the file's name."""
    if isinstance(error, socket.gaierror):
        return "nobody here knows that host: correct `listen`"
    match error.errno:
        case errno.EADDRNOTAVAIL:
            return "that address is not this machine's: correct `listen`"
        case errno.EACCES:
            return "only root may use ports below 1024: change `listen`"
        case errno.EADDRINUSE:
            return "stop the program that does, or change `listen`"
    return "change `listen`"


def nginx_user(config: Config) -> str | None:
    """Return whom nginx's workers run as: nobody else than us where we are not root.

    Started by root, nginx gives up root's rights. Where its user cannot read the tree
    (a checkout in /root), the owner's rights are kept, and said so.
    """
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam(_NGINX_USER)
    except KeyError:
        return "root"
    roots = [config.repo_path, *(tier.path for tier in config.cache.tiers)]
    closed = next((path for root in roots if (path := _closed_to(user, root))), None)
    if closed is None:
        return _NGINX_USER
    print(
        f"note: {_NGINX_USER} may not enter {closed}, so nginx's workers run as root; "
        "for a public mirror, move repo_path to a folder that everybody may read",
        file=sys.stderr,
    )
    return "root"


def gunicorn_command() -> Sequence[str]:
    """Return how the application is started; the rest is in its settings module."""
    return [
        sys.executable,
        # Without what lies where it is started: an `app.py` there is none of larder's.
        "-P",
        "-m",
        "gunicorn",
        "-c",
        "python:app.web.gunicorn_conf",
        "app.web.wsgi:get_app()",
    ]


def nginx_command(nginx: str, path: Path) -> Sequence[str]:
    """Return how nginx is started on a configuration of its own, in the foreground."""
    # -e: else it tries the log file that its package was built with first.
    return [nginx, "-c", str(path), "-e", "stderr", "-g", "daemon off;"]


def base_url(config: Config) -> str:
    """Return the URL of the mirror, as a client on this machine names it."""
    host = config.listen.host or "127.0.0.1"
    scheme = "https" if config.tls else "http"
    named = f"[{host}]" if ":" in host else host
    return f"{scheme}://{named}:{config.listen.port}{config.prefix}"


def listens(unix_socket: Path) -> bool:
    """Whether a program listens on a Unix socket; one that was killed leaves it behind."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(unix_socket)) == 0


def answers(config: Config) -> bool:
    """Whether a client gets the list of projects."""
    host = config.listen.host or "127.0.0.1"
    if config.tls:
        # Whose name the certificate bears does not matter to a question of life.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, config.listen.port, timeout=2, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, config.listen.port, timeout=2)
    try:
        connection.request("GET", f"{config.prefix}/simple/")
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def announce(config: Config) -> None:
    """Print that a client can use the mirror, and the lines to copy."""
    index = f"{base_url(config)}/simple/"
    lines = (
        f"ready: {index}",
        f"  pip install --index-url {index} flask",
        f"  uv pip install --index-url {index} flask",
    )
    print("\n".join(lines), flush=True)


def _closed_to(user: pwd.struct_passwd, path: Path) -> Path | None:
    """Return the first folder on the way that a user may not enter, or None."""
    for folder in (*reversed(path.parents), path):
        mode = folder.stat()
        if mode.st_uid == user.pw_uid:
            allowed = mode.st_mode & stat.S_IXUSR
        elif mode.st_gid == user.pw_gid:
            allowed = mode.st_mode & stat.S_IXGRP
        else:
            allowed = mode.st_mode & stat.S_IXOTH
        if not allowed:
            return folder
    return None
