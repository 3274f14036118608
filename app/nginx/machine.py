"""What the YAML file does not say: the machine that nginx runs on, and its folder."""

import os
import re
import resource
import socket
import ssl
import subprocess
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path

_RESOLV_CONF = Path("/etc/resolv.conf")
_NGINX = "nginx"

# Debian and Ubuntu; Fedora; SUSE; Alpine.
_CA_FILES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/ca-bundle.pem"),
    Path("/etc/ssl/cert.pem"),
)

_MAX_OPEN_FILES = 65_536
"""Far more than nginx needs here: two for each of its connections, and its cache."""

_OLDEST_NGINX = (1, 22, 1)
"""Debian 12's; what is unknown is taken for it."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """One nginx on one machine."""

    # Sockets, the process id, logs, temporary files, the spool. nginx's workers must
    # be able to enter it.
    run_dir: Path
    # Where gunicorn listens.
    app_socket: Path
    # The certificates that upstream's is verified with.
    ca_file: Path
    # Whom the workers run as; nginx lets only root choose.
    user: str | None = None
    # The name servers, for upstream's host; without any, only an address will do.
    resolvers: tuple[str, ...] = ()
    workers: int = 1
    # How many files, sockets included, a worker may have open.
    open_files: int = 1024
    # Whether the machine has IPv6.
    ipv6: bool = True
    version: tuple[int, ...] = _OLDEST_NGINX

    @property
    def fallback_socket(self) -> Path:
        """Where nginx answers itself in the application's place."""
        return self.run_dir / "fallback.sock"

    @property
    def spool(self) -> Path:
        """The votes that nginx took in the application's place (`app.spool`)."""
        return self.run_dir / "spool" / "votes.jsonl"

    @property
    def traffic_spool(self) -> Path:
        """What nginx answered below `/packages/` (`app.traffic`)."""
        return self.run_dir / "spool" / "traffic.jsonl"


def this_machine(run_dir: Path, user: str | None = None, nginx: str = _NGINX) -> Runtime:
    """Return what this machine is like; `user` is for a master process that is root.

    Raises:
        FileNotFoundError: There is no nginx, or no file of certificates.

    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    return Runtime(
        run_dir=run_dir,
        app_socket=run_dir / "app.sock",
        ca_file=_ca_file(),
        user=user if os.geteuid() == 0 else None,
        resolvers=read_resolvers(_RESOLV_CONF),
        workers=os.cpu_count() or 1,
        open_files=_MAX_OPEN_FILES if unlimited else min(hard, _MAX_OPEN_FILES),
        ipv6=_has_ipv6(),
        version=_version(nginx),
    )


def prepare(runtime: Runtime) -> None:
    """Make the folders that nginx expects, and remove what a kill has left.

    A killed nginx leaves its socket, and the next one does not start on it ("Address
    already in use"). Nobody else may be running on this folder.
    """
    for folder in (runtime.run_dir / "temp", runtime.run_dir / "empty", runtime.spool.parent):
        folder.mkdir(parents=True, exist_ok=True)
    runtime.fallback_socket.unlink(missing_ok=True)


def read_resolvers(path: Path) -> tuple[str, ...]:
    """Return the name servers of a resolv.conf(5), as nginx writes them; none if unread."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ()
    words = (line.split() for line in text.splitlines())
    servers = (_resolver(line[1]) for line in words if line[:1] == ["nameserver"] and line[1:])
    return tuple(dict.fromkeys(server for server in servers if server))


def _resolver(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return str(address)
    # nginx takes no zone ("fe80::1%eth0").
    return None if address.scope_id else f"[{address}]"


def _ca_file() -> Path:
    # The first two are what requests, and OpenSSL, are told in their own way.
    variables = [os.environ.get(name) for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")]
    named = [*variables, ssl.get_default_verify_paths().cafile]
    for path in (*(Path(name) for name in named if name), *_CA_FILES):
        if path.is_file():
            return path
    message = "no file of certificates; install ca-certificates"
    raise FileNotFoundError(message)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _version(nginx: str) -> tuple[int, ...]:
    told = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False)
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", told.stderr)
    return tuple(int(part) for part in found.groups()) if found else _OLDEST_NGINX
