"""The file for logrotate(8), which sets nginx's logs aside."""

from app.config.settings import Config
from app.nginx.machine import Runtime
from app.nginx.values import plain, quoted

_FILE = """\
# Written by `larder nginx-config --logrotate`; it belongs into /etc/logrotate.d.
# The spools are not for it: larder sets them aside by itself.
{logs}
{{
    daily
    rotate 14
    missingok
    notifempty
    # nginx makes the new one.
    nocreate
    compress
    # nginx's workers write what they have in memory to the old one first.
    delaycompress
    sharedscripts
{su}    postrotate
        # A killed nginx leaves its number, which may be somebody else's by now.
        pid=$(cat '{run_dir}/nginx.pid' 2>/dev/null) || exit 0
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != nginx ] || kill -USR1 "$pid"
    endscript
}}
"""

# As logrotate wants it where the logs' folder is not root's.
_SU = "    su {owner}\n"


def render_logrotate(config: Config, runtime: Runtime, owner: str | None) -> str:
    """Return the file; `owner` is who runs nginx's master and their group, unless it is root.

    Raises:
        UnsafeValueError: A value cannot be written into it.

    """
    logs = [quoted(config.log.path, "log.path")] if config.log.path else []
    logs.append(quoted(runtime.run_dir / "error.log", "the run directory"))
    return _FILE.format(
        logs="\n".join(logs),
        su=_SU.format(owner=plain(owner, "the user")) if owner else "",
        run_dir=plain(runtime.run_dir, "the run directory"),
    )
