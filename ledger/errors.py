"""What can be wrong with a block, a document or a genesis.

LedgerError
├── InvalidBlockError      well-formed and wrong: a vote for it is a vote for a false history
├── InvalidDocumentError   a file is not the one spelling of a document
└── InvalidGenesisError    the document does not describe a network
"""

from __future__ import annotations

from ledger.wire.scalars import Height


class LedgerError(Exception):
    """A history is not valid."""


class InvalidBlockError(LedgerError):
    """A block does not follow from its parent."""

    def __init__(
        self,
        height: Height,
        what: str,
        *,
        expected: str = "",
        found: str = "",
        transaction_index: int | None = None,
        record_index: int | None = None,
    ) -> None:
        self.height = height
        self.what = what
        """The check that fails, such as ``state_root``."""
        self.expected = expected
        self.found = found
        self.transaction_index = transaction_index
        self.record_index = record_index
        place = f"block {height}"
        if transaction_index is not None:
            place += f", transaction {transaction_index}"
        if record_index is not None:
            place += f", record {record_index}"
        detail = f": expected {expected}, found {found}" if expected or found else ""
        super().__init__(f"{place}: {what}{detail}")


class InvalidDocumentError(LedgerError):
    """A file is no canonical JSON document of its kind."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        """Path of the field at fault, or the line, or ``document`` for the file as a whole."""
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class InvalidGenesisError(LedgerError):
    """A genesis document is refused."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"genesis: {field}: {reason}")
