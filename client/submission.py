"""What became of one of many transactions: the result of ``submit_many`` and ``resume_outbox``."""

from __future__ import annotations

from dataclasses import dataclass

from client.errors import ClientRefusal, StillPending
from client.receipt import VerifiedReceipt
from ledger.wire.scalars import TxId


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What became of one of many transactions."""

    position: int
    """Its place among what was given."""
    tx_id: TxId
    receipt: VerifiedReceipt | None = None
    refusal: ClientRefusal | None = None
    pending: StillPending | None = None

    @property
    def is_final(self) -> bool:
        """Whether it is on the ledger, proven by a receipt."""
        return self.receipt is not None
