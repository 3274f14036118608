"""Tests of `app.nginx`: what is rendered, and that nginx takes it without a warning."""

import shutil
import subprocess
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config import Config
from app.config.settings import Address, Log, LogFormat, TierSettings, Tls
from app.nginx import Runtime, UnsafeValueError, prepare, read_resolvers, render, this_machine
from app.nginx.values import pattern, plain, quoted, sentence, socket
from jobs.machine import find_nginx, nginx_command
from tests.mirrors import free_port
from tests.serving import runtime_of

pytestmark = pytest.mark.system

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
_SELF_SIGNED = ("req", "-x509", *_CURVE, "-nodes", "-subj", "/CN=localhost")


@pytest.fixture
def runtime(config: Config) -> Runtime:
    """Return this machine, with its folders made."""
    machine = runtime_of(config)
    prepare(machine)
    return machine


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    """Return a certificate that nobody trusts."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate, and is not installed")
    subprocess.run(
        [openssl, *_SELF_SIGNED, "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    return Tls(cert, key)


def _tested(config: Config, runtime: Runtime) -> str:
    """Return what nginx has to say about a configuration, nothing if nothing."""
    conf = runtime.run_dir / "nginx.conf"
    conf.write_text(render(config, runtime))
    command = [*nginx_command(find_nginx(), conf), "-t", "-q"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    return told.stderr


def _placed(value: object, folder: Path) -> object:
    """Return an address with a free port, and a log with a folder; others as they are."""
    match value:
        case Address(host, 0):
            return Address(host, free_port())
        case Log(Path() as path, form):
            return Log(folder / path, form)
    return value


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"prefix": ""},
        {"prefix": "/a.b/~c"},
        {"listen": Address("", 0)},
        {"listen": Address("::1", 0)},
        {"listen": Address("localhost", 0)},
        {"metrics_listen": Address("127.0.0.1", 0)},
        {"metrics_listen": Address("", 0)},
        {"trusted_proxies": (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))},
        {"log": Log(None, LogFormat.JSON)},
        {"log": Log(Path("access.log"), LogFormat.COMBINED)},
        {"log": Log(Path("access.log"), LogFormat.JSON)},
    ],
)
def test_nginx_takes_it_without_a_warning(
    config: Config, runtime: Runtime, tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Whatever the YAML file says, nginx has nothing to complain about."""
    placed: dict[str, Any] = {name: _placed(value, tmp_path) for name, value in changes.items()}
    assert "" == _tested(replace(config, **placed), runtime)


def test_nginx_takes_tls_without_a_warning(config: Config, runtime: Runtime, tls: Tls) -> None:
    """With HTTP/2, in the form that this nginx knows."""
    assert "" == _tested(replace(config, tls=tls), runtime)


@pytest.mark.parametrize("count", [1, 4])
def test_nginx_takes_any_number_of_tiers(
    config: Config, runtime: Runtime, tmp_path: Path, count: int
) -> None:
    """One is the least."""
    tiers = tuple(TierSettings(tmp_path / f"tier{number}", 1) for number in range(count))
    cache = replace(config.cache, tiers=tiers, dedup_window=0)
    assert "" == _tested(replace(config, cache=cache), runtime)


def test_nginx_takes_a_machine_that_lacks_things(config: Config, runtime: Runtime) -> None:
    """No name server, no IPv6, no user to change to, few files."""
    poor = replace(runtime, resolvers=(), ipv6=False, user=None, open_files=64)
    assert "" == _tested(replace(config, listen=Address("", free_port())), poor)


def test_a_newer_nginx_gets_http2_in_its_own_words(
    config: Config, runtime: Runtime, tls: Tls
) -> None:
    """1.25.1 warns of what 1.22 needs."""
    secure = replace(config, tls=tls)
    old = render(secure, replace(runtime, version=(1, 22, 1)))
    new = render(secure, replace(runtime, version=(1, 26, 3)))
    assert " ssl http2;" in old
    assert "http2 on;" not in old
    assert " ssl;" in new
    assert "http2 on;" in new


def test_a_newer_nginx_says_406_by_itself(config: Config, runtime: Runtime) -> None:
    """From 1.23.0 on it joins the lines of a header, and need not ask what the others say."""
    for version, asked in (((1, 22, 1), True), ((1, 23, 0), False)):
        text = render(config, replace(runtime, version=version))
        assert asked == (".none @which_format;" in text)
    assert "" == _tested(config, replace(runtime, version=(1, 23, 0)))


@pytest.mark.parametrize("bad", [*'"\\$;{}\n\r\t\x00\x7f', "'"])
def test_no_value_can_end_a_string_or_a_block(config: Config, runtime: Runtime, bad: str) -> None:
    """Each value that the YAML file or the machine gives is looked at."""
    path = Path(f"/srv/a{bad}b")
    tiers = (TierSettings(path, 1),)
    redirect = replace(config.upstream, redirect_url=(f"https://example.org/{bad}/",))
    configs = [
        replace(config, prefix=f"/a{bad}"),
        replace(config, repo_path=path),
        replace(config, cache=replace(config.cache, tiers=tiers)),
        replace(config, upstream=redirect),
        replace(config, log=Log(path, LogFormat.JSON)),
        replace(config, tls=Tls(path, path)),
        replace(config, listen=Address(f"a{bad}", 1)),
        replace(config, metrics_listen=Address(f"a{bad}", 1)),
    ]
    runtimes = [
        replace(runtime, run_dir=path),
        replace(runtime, app_socket=path),
        replace(runtime, ca_file=path),
        replace(runtime, user=f"a{bad}"),
        replace(runtime, resolvers=(f"a{bad}",)),
    ]
    for pair in [(one, runtime) for one in configs] + [(config, one) for one in runtimes]:
        with pytest.raises(UnsafeValueError, match="cannot be written into nginx"):
            render(*pair)


def test_a_user_agent_may_have_a_comment(config: Config, runtime: Runtime) -> None:
    """`(a; b)` is what User-Agents look like; a quote or a variable is not."""
    agent = "larder/1 (mirror; +https://example.org/)"
    polite = replace(config, sync=replace(config.sync, user_agent=agent))
    assert f'User-Agent "{agent}";' in render(polite, runtime)
    for bad in '"$\\\n':
        rude = replace(config, sync=replace(config.sync, user_agent=agent + bad))
        with pytest.raises(UnsafeValueError, match=r"sync\.user_agent"):
            render(rude, runtime)


def test_a_socket_that_is_too_long_is_told_before_nginx_fails(
    config: Config, runtime: Runtime
) -> None:
    """A deep repo_path is an ordinary mistake."""
    deep = Path("/srv") / ("x" * 100)
    with pytest.raises(UnsafeValueError, match="use a shorter repo_path"):
        render(config, replace(runtime, run_dir=deep))
    with pytest.raises(UnsafeValueError, match="colon"):
        render(config, replace(runtime, app_socket=Path("/srv/a:b")))


@given(st.text())
def test_what_is_checked_has_no_syntax(text: str) -> None:
    """A value either is refused or stands there as it is."""
    try:
        value = plain(text, "a test")
    except UnsafeValueError:
        return
    assert value == text
    assert not set(text) & set('"\\$;{}\n')
    assert f'"{text}"' == quoted(text, "a test") == sentence(text, "a test")
    assert pattern(text, "a test").replace("\\", "") == text


def test_a_socket_is_named_as_nginx_names_it() -> None:
    """With its scheme, in quotes."""
    assert '"unix:/srv/a b.sock"' == socket(Path("/srv/a b.sock"), "a test")


def test_name_servers_are_read_as_nginx_writes_them(tmp_path: Path) -> None:
    """IPv6 in brackets; what nginx does not take is left out; each once."""
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# nameserver 192.0.2.9\nsearch example.org\nnameserver 192.0.2.1\n"
        "nameserver\t2001:db8::1 \nnameserver fe80::1%eth0\nnameserver nonsense\n"
        "nameserver\nnameserver 192.0.2.1\noptions edns0\n"
    )
    assert ("192.0.2.1", "[2001:db8::1]") == read_resolvers(path)
    assert () == read_resolvers(tmp_path / "missing")


def test_the_machine_is_told_in_full(tmp_path: Path) -> None:
    """What `up` needs comes from one call."""
    machine = this_machine(tmp_path, None, find_nginx())
    assert machine.ca_file.is_file()
    assert machine.version >= (1, 18, 0)
    assert machine.workers >= 1
    assert tmp_path / "spool" / "votes.jsonl" == machine.spool


def test_preparing_twice_is_preparing_once(tmp_path: Path) -> None:
    """What a killed nginx left does not stop the next one, and the spool stays."""
    machine = this_machine(tmp_path / "run", None, find_nginx())
    prepare(machine)
    machine.fallback_socket.touch()
    machine.spool.write_text("kept\n")
    prepare(machine)
    assert not machine.fallback_socket.exists()
    assert "kept\n" == machine.spool.read_text()
