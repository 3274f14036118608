"""Real distributions, made in memory: wheels that install, sdists that build.

Wheels follow the binary distribution format; sdists have metadata 2.2 and a build
backend of their own, so that neither needs anything from a network. Both are the same
bytes each time.
"""

import gzip
import hashlib
import io
import random
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict, Unpack

# The first moment a zip archive can express.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)

_BACKEND = """\
import pathlib, shutil

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    wheel, = pathlib.Path("prebuilt").iterdir()
    shutil.copy(wheel, wheel_directory)
    return wheel.name
"""

_PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


@dataclass(frozen=True, slots=True)
class Built:
    """A distribution and what an index says of it."""

    project: str
    version: str
    filename: str
    content: bytes
    # The METADATA file, for PEP 658; None for an sdist.
    metadata: bytes | None
    requires_python: str | None


class Options(TypedDict, total=False):
    """What a distribution may be given beside its name and its version."""

    requires_python: str | None
    # The wheel's compatibility tag.
    tag: str
    # So many bytes that do not compress are added.
    padding: int


def make_wheel(
    name: str, version: str, requires: Iterable[str] = (), **options: Unpack[Options]
) -> Built:
    """Return a wheel with one module, named as the project; it installs."""
    module = name.lower().replace("-", "_").replace(".", "_")
    info = f"{module}-{version}.dist-info"
    tag = options.get("tag", "py3-none-any")
    requires_python = options.get("requires_python")
    metadata = _metadata(name, version, requires, requires_python)
    content = _zip(
        info,
        {
            f"{module}/__init__.py": f'__version__ = "{version}"\n'.encode(),
            **_padding(module, version, options),
            f"{info}/METADATA": metadata,
            f"{info}/WHEEL": _wheel_file(tag),
        },
    )
    filename = f"{module}-{version}-{tag}.whl"
    return Built(name, version, filename, content, metadata, requires_python)


def make_sdist(
    name: str, version: str, requires: Iterable[str] = (), **options: Unpack[Options]
) -> Built:
    """Return an sdist whose backend hands out the wheel that is packed inside."""
    wheel = make_wheel(name, version, requires, **options)
    module = wheel.filename.partition("-")[0]
    folder = f"{module}-{version}"
    content = _tar(
        {
            f"{folder}/PKG-INFO": wheel.metadata or b"",
            f"{folder}/pyproject.toml": _PYPROJECT.encode(),
            f"{folder}/backend.py": _BACKEND.encode(),
            f"{folder}/prebuilt/{wheel.filename}": wheel.content,
        }
    )
    return Built(name, version, f"{folder}.tar.gz", content, None, wheel.requires_python)


def _metadata(
    name: str, version: str, requires: Iterable[str], requires_python: str | None
) -> bytes:
    """Return core metadata 2.2."""
    lines = ["Metadata-Version: 2.2", f"Name: {name}", f"Version: {version}"]
    lines.append(f"Summary: {name}, made for a test")
    if requires_python is not None:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return ("\n".join(lines) + "\n").encode()


def _wheel_file(tag: str) -> bytes:
    """Return the WHEEL file for a compressed tag."""
    python, abi, platform = tag.split("-")
    tags = [
        f"Tag: {one}-{two}-{three}"
        for one in python.split(".")
        for two in abi.split(".")
        for three in platform.split(".")
    ]
    lines = ["Wheel-Version: 1.0", "Generator: fake-pypi", "Root-Is-Purelib: true", *tags]
    return ("\n".join(lines) + "\n").encode()


def _padding(module: str, version: str, options: Options) -> dict[str, bytes]:
    """Return a file of random bytes, the same for the same release."""
    size = options.get("padding", 0)
    if not size:
        return {}
    noise = random.Random(f"{module} {version}")
    return {f"{module}/padding.bin": noise.randbytes(size)}


def _zip(info: str, files: Mapping[str, bytes]) -> bytes:
    """Return a zip archive of the files and their RECORD."""
    record = [f"{path},{_record_hash(content)},{len(content)}" for path, content in files.items()]
    record.append(f"{info}/RECORD,,")
    packed = {**files, f"{info}/RECORD": ("\n".join(record) + "\n").encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in packed.items():
            entry = zipfile.ZipInfo(path, _ZIP_TIME)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _record_hash(content: bytes) -> str:
    """Return a digest as RECORD has it."""
    digest = urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"


def _tar(files: Mapping[str, bytes]) -> bytes:
    """Return a gzipped tar archive of the files, without a time in it."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as stream:
        stream.write(plain.getvalue())
    return packed.getvalue()
