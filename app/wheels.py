"""Reading core metadata out of a wheel, for hosts that do not offer it beside (PEP 658)."""

import zipfile
import zlib
from typing import BinaryIO

_NAME = ".dist-info/METADATA"
_LARGEST = 8 << 20
"""Bytes; no honest METADATA is larger than a few megabytes."""


class WheelError(Exception):
    """The bytes are no wheel that metadata could be read from."""


def read_metadata(stream: BinaryIO) -> bytes:
    """Return the METADATA file of a wheel (binary distribution format, "File contents").

    The stream is read where the archive says, not from end to end.

    Raises:
        WheelError: It is no zip archive, has no METADATA, or more than one.

    """
    try:
        with zipfile.ZipFile(stream) as archive:
            found = [one for one in archive.infolist() if _is_metadata(one.filename)]
            if len(found) != 1:
                message = f"it has {len(found)} files called METADATA"
                raise WheelError(message)
            if found[0].file_size > _LARGEST:
                message = f"its METADATA is larger than {_LARGEST} bytes"
                raise WheelError(message)
            with archive.open(found[0]) as member:
                return member.read(_LARGEST)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        message = f"it is no wheel: {error}"
        raise WheelError(message) from error


def _is_metadata(name: str) -> bool:
    return name.endswith(_NAME) and name.count("/") == 1
