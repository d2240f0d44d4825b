"""``monazite demo tamper``: what an insider with root on one node's machine would do.

One byte of a gross mass in the newest mine output is changed directly in the node's database, where no
rule of the program can stop it: the node serves its own copy from then on and does not notice.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.parsed import parse_transaction
from ledger.records.mine_output import MineOutput
from ledger.store import META_TIP, block_key
from ledger.wire.block import Header, decode_block
from ledger.wire.codec import decode, encode
from ledger.wire.scalars import Height
from node.home import Home
from node.storage.leveldb import LevelStore


@dataclass(frozen=True, slots=True)
class Tampering:
    """What was changed."""

    height: int
    transaction: str
    record_index: int
    facility: str
    code: str
    before_g: int
    after_g: int


class NothingToTamperError(Exception):
    """The store holds no mine output."""


def tamper(home: Home) -> Tampering:
    """Change one byte of a mine output's gross mass in the store of a stopped node.

    Raises:
        NothingToTamperError: The store holds no mine output.
        StoreError: The store cannot be opened, for example because the node runs.
    """
    store = LevelStore(home.store, create=False)
    try:
        tip = store.get(META_TIP)
        top = decode(Header, tip).height if tip is not None else -1
        for number in range(top, 0, -1):
            height = Height(number)
            data = store.get(block_key(height))
            found = None if data is None else _changed(height, data)
            if found is not None:
                changed, tampering = found
                store.write({block_key(height): changed}, sync=True)
                return tampering
    finally:
        store.close()
    raise NothingToTamperError(f"{home.path} holds no mine output to change")


def _changed(height: Height, data: bytes) -> tuple[bytes, Tampering] | None:
    """Return the block's bytes with one byte changed, and what that means; None if it has no output."""
    block = decode_block(data)
    for signed_bytes in block.transactions:
        parsed = parse_transaction(signed_bytes)
        for index, record in enumerate(parsed.records):
            if not isinstance(record, MineOutput):
                continue
            raw = parsed.signed.transaction.records[index]
            # MessagePack spells an integer big-endian, so the last byte of it is its lowest.
            spelled, after = encode(record.gross), record.gross ^ 1
            if raw.count(spelled) != 1 or data.count(raw) != 1 or len(spelled) < 3:
                continue
            place = data.index(raw) + raw.index(spelled) + len(spelled) - 1
            changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            return changed, Tampering(
                height=height,
                transaction=parsed.tx_id.hex(),
                record_index=index,
                facility=record.facility,
                code=record.code,
                before_g=record.gross,
                after_g=after,
            )
    return None
