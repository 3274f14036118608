"""Keys that bundles are signed with: Ed25519 (RFC 8032), in PEM files."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC = ".pub"
"""What the name of a public key's file ends in, beside the private one's."""


class KeyFileError(Exception):
    """A key's file cannot be read, or cannot be made."""


class Signer:
    """A private key."""

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            KeyFileError: There is none.

        """
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except OSError as error:
            raise KeyFileError(f"{path}: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise KeyFileError(f"{path} is no private key without a password") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFileError(f"{path} is no Ed25519 key")
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        return self._key.sign(message)


def new_key(path: Path) -> str:
    """Make a key: the private one in a file, the public one in another beside it.

    Return the public one, in PEM.

    Raises:
        KeyFileError: There is a file already, or it cannot be written.

    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write(path, private, 0o600)
    _write(path.with_name(path.name + PUBLIC), public, 0o644)
    return public.decode()


def _write(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
