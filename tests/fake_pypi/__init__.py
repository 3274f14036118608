"""A small PyPI on a real socket, with its faults: what tests use for upstream.

Index and file host are one server on one loopback port. In short::

    with FakePypi(kind="json") as pypi:
        pypi.add(make_wheel("six", "1.17.0"))              # project, release and file
        pypi.add(make_sdist("six", "1.17.0"), yanked="broken")
        pypi.inject(Status(503, retry_after=1), at="/simple/six/", times=2)
        requests.get(pypi.url + "/simple/six/", timeout=5)
        assert pypi.count("/simple/six/") == 1

Where: ``url`` (no slash at the end), ``pypi_url`` (for ``upstream.pypi_url``),
``packages_url`` (for ``upstream.packages_url``), ``port``.

Options of ``FakePypi(...)``, all by keyword:

- ``kind``: ``"json"`` (default): JSON where Accept asks for it, else HTML;
  ``"html"``: HTML only, whatever is asked.
- ``legacy_json`` (True): ``/pypi/{project}/json`` and ``/pypi/{project}/{version}/json``.
- ``serials`` (``"json"``): where the list of serials is: ``"json"`` the JSON root,
  ``"xmlrpc"`` POST to ``/pypi``, ``None`` nowhere (then no ``X-PyPI-Last-Serial``
  either; legacy JSON keeps its ``last_serial``).
- ``core_metadata`` (True): ``.metadata`` is announced and answered.
- ``validators`` (True): pages have an ETag and answer 304.
- ``links`` (``"absolute"``) or ``"relative"``: how pages link to files.
- ``files_url``: pages link to files there, as to ``https://files.pythonhosted.org/packages/``.
- ``simple_path`` (``"/simple/"``), ``legacy_path`` (``"/pypi/{project}/json"``).

Content. A change gives its project the next serial. Names are not checked: hostile
ones are welcome.

- ``add(make_wheel(...) | make_sdist(...), **details) -> FakeFile``
- ``add_file(project, filename, content, **details) -> FakeFile`` with ``details``:
  ``version``, ``requires_python``, ``yanked``, ``metadata`` (bytes), ``upload_time``,
  ``hashes``, ``size``, ``url``, ``extra`` (keys added to, or replacing, those of the
  file's JSON entry; the value ``...`` takes a key away). ``FakeFile.path`` is what
  follows ``/packages/``.
- ``add_project(name, versions=(), status=None, reason=None)``; adding it again sets
  versions and status. ``"quarantined"`` behaves as on PyPI (PEP 792).
- ``yank(project, filename, reason=True)``, ``remove_file``, ``remove_project``,
  ``touch`` (a new serial, nothing else), ``project(name) -> FakeProject``.
- ``freeze(project)``: its pages stay as they are while the list moves on, as a slow
  CDN's do; ``thaw``. ``announce(name, serial)``: what the list says of it (None: not
  listed), page or no page. ``vanish(file)``: still listed, but 404; ``corrupt(file)``:
  other bytes of the same length.

Faults. ``inject(fault, at="*", times=None, method=None)``: ``at`` is a path or a
``fnmatch`` pattern of it, the latest match counts. ``heal()`` ends them all. ``Status``,
``Redirect``, ``Replaced`` (any answer of your own, also where there was none),
``WrongContent``, ``CutBody``, ``Slow``, ``Hang``, ``Drop``, ``GzipBomb``, ``Chunked``,
``CutChunks``, ``StaleSerial``, ``WrongRange``, ``IgnoreRange``. ``stop()`` refuses
connections, ``start()`` takes the same port again.

The log. ``requests`` is a tuple of ``Request(method, path, headers, body, port)``, header
names in lower case, ``port`` the client's; ``count(at="*", method=None)``;
``forget_requests()``.

``fake_pypi`` is a pytest fixture with the defaults, started and empty.
``tests.fake_pypi.asking.asking(pypi, **changes)`` is an ``Upstream`` that leads here.
"""

from tests.fake_pypi.answers import Answer, Request
from tests.fake_pypi.catalogue import FakeFile, FakeProject
from tests.fake_pypi.distributions import Built, make_sdist, make_wheel
from tests.fake_pypi.fake import FakePypi, fake_pypi
from tests.fake_pypi.faults import (
    Chunked,
    CutBody,
    CutChunks,
    Drop,
    Fault,
    GzipBomb,
    Hang,
    IgnoreRange,
    Redirect,
    Replaced,
    Slow,
    StaleSerial,
    Status,
    WrongContent,
    WrongRange,
)

__all__ = [
    "Answer",
    "Built",
    "Chunked",
    "CutBody",
    "CutChunks",
    "Drop",
    "FakeFile",
    "FakeProject",
    "FakePypi",
    "Fault",
    "GzipBomb",
    "Hang",
    "IgnoreRange",
    "Redirect",
    "Replaced",
    "Request",
    "Slow",
    "StaleSerial",
    "Status",
    "WrongContent",
    "WrongRange",
    "fake_pypi",
    "make_sdist",
    "make_wheel",
]
