"""Certificates that nobody trusts, by openssl."""

import shutil
import subprocess
from pathlib import Path

import pytest

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def self_sign(folder: Path, serial: int) -> tuple[Path, Path]:
    """Make a certificate with a serial number, and its key; return where they are."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate, and is not installed")
    cert, key = folder / "cert.pem", folder / "key.pem"
    new = [path.with_suffix(".new") for path in (cert, key)]
    names = ("-subj", "/CN=localhost", "-set_serial", str(serial))
    files = ("-out", str(new[0]), "-keyout", str(new[1]))
    subprocess.run(
        [openssl, "req", "-x509", *_CURVE, "-nodes", *names, *files],
        check=True,
        capture_output=True,
    )
    for fresh, path in zip(new, (cert, key), strict=True):
        fresh.replace(path)
    return cert, key
