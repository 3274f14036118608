"""nginx as plain as can be, on the same files: what the mirror is measured against."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.children import end_session
from jobs.machine import find_nginx, nginx_command
from tests.mirrors import free_port
from tests.serving import ask, wait_until

_CONF = """{user}
worker_processes 1;
worker_rlimit_nofile 20000;
pid "{folder}/nginx.pid";
error_log "{folder}/error.log" warn;
events {{
    worker_connections 8000;
}}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path "{folder}/temp";
    proxy_temp_path "{folder}/temp";
    fastcgi_temp_path "{folder}/temp";
    uwsgi_temp_path "{folder}/temp";
    scgi_temp_path "{folder}/temp";
    server {{
        listen 127.0.0.1:{port};
        location /pages/ {{
            alias "{pages}/";
        }}
        location /files/ {{
            alias "{tier}/";
        }}
        location = /ready {{
            return 204;
        }}
    }}
}}
"""


@contextmanager
def raw_nginx(folder: Path, pages: Path, tier: Path) -> Iterator[int]:
    """Run one worker on two folders, and yield its port."""
    port = free_port()
    folder.mkdir()
    conf = folder / "nginx.conf"
    conf.write_text(
        _CONF.format(
            user="user root;" if os.geteuid() == 0 else "",
            folder=folder,
            port=port,
            pages=pages,
            tier=tier,
        )
    )
    process = subprocess.Popen(list(nginx_command(find_nginx(), conf)), start_new_session=True)
    try:
        wait_until(lambda: _ready(port))
        yield port
    finally:
        process.terminate()
        process.wait(20)
        end_session(process.pid)


def _ready(port: int) -> bool:
    try:
        return ask(port, "/ready", "GET", {}).status == 204
    except OSError:
        return False
