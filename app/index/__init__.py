"""Keeping projects' pages in step with upstream: fetch, render, write, record.

`Index` is what the web application and the jobs use; the other modules are what it is
made of.
"""

from app.index.failures import MissingPageError, StalePageError
from app.index.keeping import HiddenProjectError, Index
from app.index.outcome import QUARANTINED, Outcome
from app.index.parts import IndexParts, IndexPolicy

__all__ = [
    "QUARANTINED",
    "HiddenProjectError",
    "Index",
    "IndexParts",
    "IndexPolicy",
    "MissingPageError",
    "Outcome",
    "StalePageError",
]
