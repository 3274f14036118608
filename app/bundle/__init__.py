"""Bundles: a mirror's tree, or what changed in it, as a folder or a tar across an air gap.

`gathering` reads the sender's tree into a `ledger`, `writing` makes a bundle of it, signed
by `keys`. `load` checks a bundle; it is put into each, because it needs the standard
library alone. docs/air-gap.md has the format.
"""

from app.bundle.gathering import Gatherer, GatheringError, Sender
from app.bundle.keys import KeyFileError, Signer, new_key
from app.bundle.ledger import Ledger, Totals
from app.bundle.load import Bundle, BundleError, check_signature
from app.bundle.writing import Draft, Order, write

__all__ = [
    "Bundle",
    "BundleError",
    "Draft",
    "Gatherer",
    "GatheringError",
    "KeyFileError",
    "Ledger",
    "Order",
    "Sender",
    "Signer",
    "Totals",
    "check_signature",
    "new_key",
    "write",
]
