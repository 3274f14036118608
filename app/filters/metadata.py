"""What legacy JSON says of a project that filters go by."""

import re
from collections.abc import Mapping
from typing import Any

from app.filters.verdicts import Facts

_LICENCE = "License :: "
_LONGEST = 200


def facts_of(legacy: Mapping[str, Any]) -> Facts:
    """Return the facts; what is missing, or of another type, is nothing.

    The licence is the expression (core metadata, `License-Expression`, PEP 639), its parts,
    the old free text if it is short, and the parts of each licence's classifier.
    """
    info = legacy.get("info")
    known: Mapping[str, Any] = info if isinstance(info, dict) else {}
    classifiers = _texts(known.get("classifiers"))
    licences = [*_expression(known.get("license_expression"))]
    text = known.get("license")
    if isinstance(text, str) and 0 < len(text) <= _LONGEST:
        licences.append(text.strip())
    for classifier in classifiers:
        if classifier.startswith(_LICENCE):
            licences += classifier.removeprefix(_LICENCE).split(" :: ")
    return Facts(classifiers, tuple(licences), _keywords(known.get("keywords")))


def _expression(text: object) -> list[str]:
    if not isinstance(text, str) or not text:
        return []
    parts = [part for part in re.split(r"\s+(?:AND|OR|WITH)\s+|[()]", text) if part.strip()]
    return [text, *(part.strip() for part in parts if part.strip() != text)]


def _keywords(text: object) -> tuple[str, ...]:
    if isinstance(text, list):
        return _texts(text)
    if not isinstance(text, str):
        return ()
    # Core metadata says commas; many have spaces.
    separator = r"\s*,\s*" if "," in text else r"\s+"
    return tuple(word for word in re.split(separator, text.strip()) if word)


def _texts(found: object) -> tuple[str, ...]:
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()
