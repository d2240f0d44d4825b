"""Index entries about lots: what queries look up beside the state.

Rules write them through ``ledger.records.lot_rules`` and never read them; they are not part of the state
root and can be rebuilt from the blocks. Each begins with a word of its own:

====================  =====================================================  ============================
entry                 key after the word                                     value
====================  =====================================================  ============================
lot of an owner       owner id, 0x00, lot id                                 empty; live lots only
lot of a holder       holder id, 0x00, lot id                                empty; live lots that the
                                                                             holder does not own
open offer            buyer id, 0x00, lot id                                 id of the transfer; also of a
                                                                             disputed one
code of a creator     creator id, 0x00, code, 0x00, height u64, lot id       empty; for ever, so that an
                                                                             exhausted lot is found too
child of a lot        parent lot id, child lot id                            empty; for ever
record of a lot       lot id, height u64, transaction id, record index u32   ``LotStep``; for ever
campaign of a lot     lot id, height u64, transaction id, record index u32   empty; for ever: what it went
                                                                             into
campaign of a line    facility id, 0x00, line u32, last day u32              name of the record; for ever
====================  =====================================================  ============================

Records of one lot in one block stand in the order of their transaction ids; who wants the order in which
they were applied looks the transactions up.
"""

from __future__ import annotations

from typing import Final

from ledger.wire.codec import WireStruct
from ledger.wire.scalars import (
    CivilDate,
    CountField,
    FacilityId,
    GramsField,
    Height,
    LotId,
    LotIdField,
    MemberId,
    MemberIdField,
    TxId,
)

OWNER_INDEX: Final = b"lot-of-owner"
HOLDER_INDEX: Final = b"lot-of-holder"
OFFER_INDEX: Final = b"offer-to"
CODE_INDEX: Final = b"code-of"
CHILD_INDEX: Final = b"child-of"
STEP_INDEX: Final = b"step-of"
FED_INDEX: Final = b"fed-to"
LINE_INDEX: Final = b"campaign-of"


class LotStep(WireStruct, frozen=True, array_like=True):
    """What one record made of a lot."""

    owner: MemberIdField
    holder: MemberIdField
    gross: GramsField
    transfer: LotIdField | None
    """The transfer that locks the lot after the record."""
    holds: CountField
    """How many holds are on it after the record."""


def owner_prefix(owner: MemberId) -> bytes:
    """Return the common prefix of the entries of all live lots of ``owner``."""
    return OWNER_INDEX + owner.encode() + b"\0"


def holder_prefix(holder: MemberId) -> bytes:
    """Return the common prefix of the entries of all live lots that ``holder`` keeps for others."""
    return HOLDER_INDEX + holder.encode() + b"\0"


def offer_prefix(buyer: MemberId) -> bytes:
    """Return the common prefix of the entries of all offers that wait for ``buyer``."""
    return OFFER_INDEX + buyer.encode() + b"\0"


def code_prefix(creator: MemberId, code: str) -> bytes:
    """Return the common prefix of the entries of all lots that ever carried ``code``."""
    return CODE_INDEX + creator.encode() + b"\0" + code.encode() + b"\0"


def code_entry(creator: MemberId, code: str, height: Height, lot: LotId) -> bytes:
    """Return the index key of one lot that was given ``code`` at ``height``."""
    return code_prefix(creator, code) + height.to_bytes(8, "big") + lot


def child_prefix(parent: LotId) -> bytes:
    """Return the common prefix of the entries of all lots that were taken from ``parent``."""
    return CHILD_INDEX + parent


def step_prefix(lot: LotId) -> bytes:
    """Return the common prefix of the entries of all records that changed ``lot``."""
    return STEP_INDEX + lot


def step_entry(lot: LotId, height: Height, tx_id: TxId, record_index: int) -> bytes:
    """Return the index key of one record that changed ``lot``."""
    return step_prefix(lot) + height.to_bytes(8, "big") + tx_id + record_index.to_bytes(4, "big")


def fed_prefix(lot: LotId) -> bytes:
    """Return the common prefix of the entries of all campaigns that ``lot`` went into."""
    return FED_INDEX + lot


def fed_entry(lot: LotId, height: Height, tx_id: TxId, record_index: int) -> bytes:
    """Return the index key of one campaign that ``lot`` went into."""
    return fed_prefix(lot) + height.to_bytes(8, "big") + tx_id + record_index.to_bytes(4, "big")


def line_prefix(facility: FacilityId, line: int) -> bytes:
    """Return the common prefix of the entries of all campaigns of a line."""
    return LINE_INDEX + facility.encode() + b"\0" + line.to_bytes(4, "big")


def line_entry(facility: FacilityId, line: int, until: CivilDate) -> bytes:
    """Return the index key of the campaign of a line that ended on ``until``."""
    return line_prefix(facility, line) + until.to_bytes(4, "big")
