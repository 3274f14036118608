"""A corpus behind a real nginx, and a road to it that is as long as one wants."""

import asyncio
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from jobs.children import end_session
from jobs.machine import find_nginx
from tests.mirrors import free_port

_CONF = """\
{user}
daemon off;
worker_processes 1;
error_log {run}/error.log;
pid {run}/nginx.pid;
worker_rlimit_nofile 4096;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {run}/body;
    proxy_temp_path {run}/proxy;
    fastcgi_temp_path {run}/fastcgi;
    uwsgi_temp_path {run}/uwsgi;
    scgi_temp_path {run}/scgi;
    # As a CDN that has everything packed.
    gzip_static on;
    gzip_vary on;
    sendfile on;
    keepalive_requests 1000000;
    map_hash_max_size 4194304;
    map_hash_bucket_size 256;
    map $name $serial {{ default ""; include {corpus}/serials.ma[p]; }}
    add_header X-PyPI-Last-Serial $serial;
    server {{
        listen 127.0.0.1:{port};
        root {corpus};
        set $name "";
        location ~ ^/simple/?$ {{
            default_type application/vnd.pypi.simple.v1+json;
            try_files /root.json =404;
        }}
        location ~ ^/simple/(?<project>[a-z0-9-]+)/?$ {{
            set $name $project;
            types {{ }}
            default_type application/vnd.pypi.simple.v1+json;
            try_files /simple/$project/index.json =404;
        }}
        location ~ ^/pypi/(?<project>[a-z0-9-]+)/json$ {{
            set $name $project;
            types {{ }}
            default_type application/json;
            try_files /json/$project.json =404;
        }}
        # An answer to any call by XML-RPC, where the corpus has one.
        location = /pypi {{
            error_page 405 =200 /changelog.xml;
            return 405;
        }}
        location = /changelog.xml {{
            types {{ }}
            default_type text/xml;
            try_files /changelog.xml =404;
        }}
        location / {{ return 404; }}
    }}
}}
"""
_PATIENCE = 30.0


@contextmanager
def serving(corpus: Path, run: Path) -> Iterator[str]:
    """Serve a corpus until the block ends; its URL, without a slash at the end."""
    port = free_port()
    run.mkdir(parents=True, exist_ok=True)
    conf = run / "upstream.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    conf.write_text(_CONF.format(run=run, corpus=corpus, port=port, user=user))
    command = [str(find_nginx()), "-e", str(run / "error.log"), "-p", str(run), "-c", str(conf)]
    nginx = subprocess.Popen(command, start_new_session=True)
    try:
        _wait_for(port, nginx)
        yield f"http://127.0.0.1:{port}"
    finally:
        nginx.terminate()
        nginx.wait(_PATIENCE)
        end_session(nginx.pid)


@contextmanager
def far_away(url: str, milliseconds: float) -> Iterator[str]:
    """Make a round trip to a server take longer; its URL from here.

    What comes from it is held back, so that connections wait and bandwidth does not.
    """
    if not milliseconds:
        yield url
        return
    relay = _Relay(int(url.rpartition(":")[2]), milliseconds / 1000)
    thread = threading.Thread(target=relay.run, daemon=True)
    thread.start()
    relay.ready.wait(_PATIENCE)
    try:
        yield f"http://127.0.0.1:{relay.port}"
    finally:
        relay.stop()
        thread.join(_PATIENCE)


class _Relay:
    """Carries bytes between clients and a port, those to the clients later."""

    def __init__(self, target: int, delay: float) -> None:
        self._target, self._delay = target, delay
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop: Callable[[], object] = bool
        self.ready = threading.Event()
        self.port = 0

    def run(self) -> None:
        """Carry until told to stop."""
        asyncio.run(self._carry_all())

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._stop()

    async def _carry_all(self) -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        self._stop = partial(loop.call_soon_threadsafe, over.set)
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await over.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, away = await asyncio.open_connection("127.0.0.1", self._target)
        for read, write, delay in ((near, away, 0.0), (far, back, self._delay)):
            task = asyncio.create_task(_carry(read, write, delay))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _carry(read: asyncio.StreamReader, write: asyncio.StreamWriter, delay: float) -> None:
    later = asyncio.get_running_loop().call_later
    try:
        while piece := await read.read(1 << 18):
            if delay:
                later(delay, write.write, piece)
            else:
                write.write(piece)
        await asyncio.sleep(delay)
    except ConnectionError:
        return
    finally:
        write.close()


def _wait_for(port: int, nginx: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and nginx.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    message = "nginx did not start"
    raise RuntimeError(message)
