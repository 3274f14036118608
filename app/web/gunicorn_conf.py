"""gunicorn's settings: `gunicorn -c python:app.web.gunicorn_conf 'app.web.wsgi:get_app()'`.

gunicorn imports this module and takes its names for settings
(https://docs.gunicorn.org/en/stable/settings.html); nobody else imports it.
"""

import atexit
import os
import shutil
from pathlib import Path
from typing import Any

from app.config import load
from app.runtime import RunDirectory
from app.web.environment import CONFIG_VARIABLE, MULTIPROCESS
from app.web.places import QUEUE, READERS

_config = load(Path(os.environ[CONFIG_VARIABLE]))
_run = RunDirectory(_config.repo_path).path
_run.mkdir(exist_ok=True)
_memory = Path("/dev/shm")  # noqa: S108

# A Unix socket: nobody but nginx can set the headers that are believed.
bind = f"unix:{_run / 'app.sock'}"
workers = _config.workers
worker_class = "gthread"
# Who only waits for a place, to ask for a page or to be passed a file, takes none of the
# configured ones; nor does who reads behind a download that others share. A thread is
# made when it is needed, and costs next to nothing then.
threads = _config.threads + 2 * QUEUE + READERS
# Each worker opens its own database, and its own thread for votes.
preload_app = False
# Requests that wait for upstream get this long to end, at a restart.
graceful_timeout = 8
# Of these, a worker keeps three for its votes.
_REQUESTS_END = 5
# A worker's main loop that is silent for so long is stuck.
timeout = 30
# nginx connects anew for each question.
keepalive = 0
# Where the workers show that they live: a disk that hangs must not look like death.
worker_tmp_dir = str(_memory) if _memory.is_dir() else None
# Since 25.0 gunicorn opens a second socket, for a command line of its own.
control_socket_disable = True
# nginx has the access log.
accesslog = None
errorlog = "-"
loglevel = "warning"
proc_name = "larder"


def post_worker_init(worker: Any) -> None:  # noqa: ANN401  gunicorn has no types
    """Have a worker stop waiting for its last requests before its master kills it."""
    worker.cfg.set("graceful_timeout", _REQUESTS_END)


def worker_exit(server: object, worker: object) -> None:
    """Have a worker put its votes down now: the interpreter would first wait for its threads."""
    del server, worker
    atexit._run_exitfuncs()  # noqa: SLF001  once: what ran is not run again


if workers > 1:
    # Then any worker can tell the counts of all.
    _counts = _run / "metrics"
    shutil.rmtree(_counts, ignore_errors=True)
    _counts.mkdir(parents=True)
    raw_env = [f"{MULTIPROCESS}={_counts}"]
