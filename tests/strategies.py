"""Values of the model, for the laws that hold for all of them.

Texts are hostile on purpose: quotes, tags, control characters, whole planes. They
are texts, though: no lone surrogates, which no page can hold in UTF-8.
"""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from app.model import File, Project
from app.names import Filename, ProjectName, parse_filename, parse_project, path_from_digest

_MARKUP = (
    '"><script>alert(1)</script>',
    "</a><a href='javascript:x'>",
    "<!--SERIAL 1-->",
    "&quot;&amp;&#0;&copy",
    "a\r\nb\tc\0d",
    "]]>--!>",
)
_DIGITS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.sampled_from(_MARKUP)

project_names: st.SearchStrategy[ProjectName] = st.from_regex(
    r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True
).map(parse_project)

filenames: st.SearchStrategy[Filename] = st.builds(
    "{}{}".format,
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._+!~ -]{0,40}", fullmatch=True)
    | st.text("a-.é\u0308名🐍", max_size=5).map("é{}".format),
    st.sampled_from([".whl", ".tar.gz", ".zip", ".egg"]),
).map(parse_filename)


def hexadecimal(digits: int) -> st.SearchStrategy[str]:
    """Give digests of so many digits."""
    return st.binary(min_size=digits // 2, max_size=digits // 2).map(bytes.hex)


hashes: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries(
    {}, optional={name: hexadecimal(digits) for name, digits in _DIGITS.items()}
)

upload_times = st.builds(
    "{:%Y-%m-%dT%H:%M:%S}{}{}".format,
    st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.just("") | st.from_regex(r"\.[0-9]{1,6}", fullmatch=True),
    st.sampled_from(["Z", "+00:00"]),
)

# What JSON can hold and orjson can write.
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def extras() -> st.SearchStrategy[dict[str, Any]]:
    """Give keys that no specification knows, with data; at the top never null."""
    keys = texts.map("x-{}".format)
    return st.dictionaries(keys, _json.filter(lambda value: value is not None), max_size=2)


# Quotes and angle brackets are wrong in a URL, and found in some.
_urls = st.text("ab/%?#&<>\"'+\u00fc", max_size=20).map("https://example.org/{}".format)


@st.composite
def files(draw: st.DrawFn) -> File:
    """Give a file that upstream has at its canonical place."""
    filename = draw(filenames)
    return File(
        filename=filename,
        path=path_from_digest(draw(hexadecimal(64)), filename),
        hashes=draw(hashes),
        size=draw(st.none() | st.integers(0, 2**63 - 1)),
        upload_time=draw(st.none() | upload_times),
        requires_python=draw(st.none() | texts),
        yanked=draw(st.booleans() | texts),
        core_metadata=draw(st.none() | hashes),
        gpg_sig=draw(st.none() | st.booleans()),
        provenance=draw(st.none() | _urls),
        extra=draw(extras()),
    )


@st.composite
def projects(draw: st.DrawFn) -> Project:
    """Give a project's page, of any status and size."""
    status = draw(st.none() | texts)
    return Project(
        name=draw(project_names),
        files=tuple(draw(st.lists(files(), max_size=4, unique_by=lambda file: file.filename))),
        versions=draw(st.none() | st.lists(texts, max_size=3).map(tuple)),
        serial=draw(st.none() | st.integers(0, 2**63 - 1)),
        status=status,
        status_reason=draw(st.none() | texts) if status else None,
        extra=draw(extras()),
        extra_meta=draw(extras()),
    )
