"""The SDK: writing to a ledger, reading from it, and checking for oneself.

    from client import Client

    async with Client(["https://node-a.example:8443"], profile="mine-a") as ledger:
        receipt = await ledger.submit(OfferTransfer(...))

``docs/sdk.md`` is the guide. What the parts decide:

==================  ===============================================================================
module              holds
==================  ===============================================================================
``session``         ``Client``: prepare, sign, submit, resume; the way in
``sync``            the same client for programs without an event loop
``settlement``      what became of one transaction, over all nodes and attempts
``nodes``           which node is asked, when to pause, whom to believe about the present
``transport``       one HTTP request to one node, and what can go wrong with it
``reading``         questions to the ledger; ``answers`` are their typed values
``receipt``         receipts that were checked here; ``trust`` is what they are checked against
``proving``         the story of a lot, record by record, against receipts
``outbox``          what was sent and is not known to be decided, on disk
``composing``       which keys sign what, batches, signing by several parties
``forms``           records as JSON that people write
``keystore``        key files; ``passphrase`` is where their passphrases come from
``profile``         nodes, member, keys and pinned genesis under a name
``errors``          everything that can go wrong, and who is at fault
``importing``       CSV files of clerks into records
``verify``          the auditor
``cli``             the program ``monazite``
==================  ===============================================================================

The names below are loaded when they are first used, so that an auditor who only verifies files does not
load an HTTP client.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client.composing import batch, combine, load_signed, save_signed
    from client.errors import (
        Busy,
        ClientError,
        ClientRefusal,
        NotFound,
        StillPending,
        Unreachable,
        Unverified,
        UsageError,
    )
    from client.receipt import ReceiptRejectedError, VerifiedReceipt, read_receipt
    from client.session import Client
    from client.trust import TrustRoot, trust_root_of
from client.submission import Submission

__all__ = [
    "Busy",
    "Client",
    "ClientError",
    "ClientRefusal",
    "NotFound",
    "ReceiptRejectedError",
    "StillPending",
    "Submission",
    "TrustRoot",
    "Unreachable",
    "Unverified",
    "UsageError",
    "VerifiedReceipt",
    "batch",
    "combine",
    "load_signed",
    "read_receipt",
    "save_signed",
    "trust_root_of",
]

_MODULE_OF_NAME = {
    "Client": "client.session",
    "ReceiptRejectedError": "client.receipt",
    "Submission": "client.submission",
    "TrustRoot": "client.trust",
    "VerifiedReceipt": "client.receipt",
    "batch": "client.composing",
    "combine": "client.composing",
    "load_signed": "client.composing",
    "read_receipt": "client.receipt",
    "save_signed": "client.composing",
    "trust_root_of": "client.trust",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module holds
    if name not in __all__:
        raise AttributeError(f"module 'client' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF_NAME.get(name, "client.errors")), name)
