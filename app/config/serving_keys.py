"""The keys that say how clients are served."""

from app.config.kinds import (
    ADDRESS,
    DURATION,
    NETWORK,
    PATH,
    PREFIX,
    Key,
    choice,
    several,
    whole,
)
from app.config.settings import LogFormat, Mode

_MODE = choice({"302": Mode.REDIRECT, "redirect": Mode.REDIRECT, "proxy": Mode.PROXY})

LISTEN = Key(
    "listen",
    ADDRESS,
    "The address and port that clients connect to. Without a host it is every address of the"
    " machine; 127.0.0.1 is this machine alone.",
    example="127.0.0.1:8080",
    default=":8080",
)
PREFIX_KEY = Key(
    "prefix",
    PREFIX,
    "The path in front of every URL of the mirror: with `/pypi`, clients use"
    " `http://host/pypi/simple/`. `''` is none.",
    example="/pypi",
    default="/pypi",
)
TRUSTED_PROXIES = Key(
    "trusted_proxies",
    several(NETWORK),
    "The networks of the proxies in front of this mirror. Only their `X-Forwarded-For` is"
    " believed, which decides whose vote counts and which rule of `ip_modes` holds.",
    example="[10.0.0.0/8, 2001:db8::1]",
)
TLS_CERT = Key(
    "tls.cert",
    PATH,
    "The certificate, with the chain to its issuer, as a PEM file.",
    example="/etc/ssl/certs/mirror.pem",
)
TLS_KEY = Key(
    "tls.key",
    PATH,
    "The certificate's private key, as a PEM file.",
    example="/etc/ssl/private/mirror.key",
)
TLS_HSTS = Key(
    "tls.hsts",
    DURATION,
    "How long whoever was here by HTTPS shall use nothing else for this host name"
    " (`Strict-Transport-Security`, RFC 6797). Without it nobody is told: it cannot be taken"
    " back before its time.",
    example="365d",
    added=True,
)
MODE_DEFAULT = Key(
    "ip_modes.default",
    _MODE,
    "How a file that is not held is answered: `302` (or `redirect`) sends the client to"
    " `upstream.redirect_url`, `proxy` passes the file through.",
    example="proxy",
    default="302",
)
RULE_CIDR = Key(
    "ip_modes.rules[].cidr",
    NETWORK,
    "A network of clients. The longest prefix that holds the client's address wins.",
    example="10.0.0.0/8",
    required=True,
)
RULE_MODE = Key(
    "ip_modes.rules[].mode",
    _MODE,
    "The mode for these clients, as in `ip_modes.default`.",
    example="proxy",
    required=True,
)
LOG_PATH = Key(
    "log.path",
    PATH,
    "The file that every request is logged in. Without it there is no access log.",
    example="/var/log/larder/access.log",
)
LOG_FORMAT = Key(
    "log.format",
    choice({form.value: form for form in LogFormat}),
    "`mirror-json` is one JSON object a line, with the tier that answered, or why"
    " none did; `combined` is what log readers know from Apache.",
    example="combined",
    default=LogFormat.JSON.value,
)
TIMEOUT_READ = Key(
    "timeouts.read",
    DURATION,
    "How long a client may be silent while it sends its request.",
    example="30s",
    default="30s",
)
TIMEOUT_WRITE = Key(
    "timeouts.write",
    DURATION,
    "How long a client may take nothing of an answer.",
    example="120s",
    default="120s",
)
TIMEOUT_IDLE = Key(
    "timeouts.idle",
    DURATION,
    "How long a connection without a request is kept open.",
    example="60s",
    default="60s",
)
TIMEOUT_UPSTREAM = Key(
    "timeouts.upstream",
    DURATION,
    "How long upstream may be silent. A large file may take as long as it likes.",
    example="60s",
    default="60s",
)
WORKERS = Key(
    "app.workers",
    whole(1, 64, "processes"),
    "The processes of the application behind nginx.",
    example="2",
    default="1",
    added=True,
)
THREADS = Key(
    "app.threads",
    whole(1, 256, "threads"),
    "The threads of each of these processes.",
    example="32",
    default="16",
    added=True,
)
METRICS_LISTEN = Key(
    "metrics.listen",
    ADDRESS,
    "A loopback address of its own for `/metrics` and `/healthz`, which are not for clients."
    " Without it they are served nowhere.",
    example="127.0.0.1:9118",
    added=True,
)
