"""Makes the answer to a range request from an owner's store.

The owner says what it holds at a height; this decides how much fits into one message and what proves its
end. The reply is one that ``consensus.catchup.ranges`` accepts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from consensus.messages import RANGE_ENTRIES_MAX, RANGE_LINKS_MAX, RangeEntry, RangeReply
from ledger.wire.block import Block, Header
from ledger.wire.certificate import Certificate
from ledger.wire.codec import encode
from ledger.wire.scalars import BLOCK_BYTES_MAX, Height

RANGE_BYTES_MAX: Final = BLOCK_BYTES_MAX
"""Encoded blocks beyond this are left for the next request, but for the first one."""

BlockAt = Callable[[Height], tuple[Block, Certificate | None] | None]
"""Returns the final block at a height with its own finalization, or None above the stored chain."""


def assemble_range(from_height: Height, max_blocks: int, block_at: BlockAt) -> RangeReply:
    """Return the blocks from ``from_height`` upwards, and headers up to one with a certificate.

    The blocks may be fewer than ``max_blocks``, so that the reply fits into one message; there are none if
    the store does not reach ``from_height``.
    """
    entries: list[RangeEntry] = []
    size, height = 0, from_height
    while len(entries) < min(max_blocks, RANGE_ENTRIES_MAX):
        found = block_at(height)
        if found is None:
            break
        entry = RangeEntry(block=found[0], proof=found[1])
        size += len(encode(entry))
        if entries and size > RANGE_BYTES_MAX:
            break
        entries.append(entry)
        height = Height(height + 1)
    if not entries or entries[-1].proof is not None:
        return RangeReply(from_height=from_height, entries=tuple(entries), links=(), anchor=None)
    links, anchor = _links_from(height, block_at)
    return RangeReply(from_height=from_height, entries=tuple(entries), links=links, anchor=anchor)


def _links_from(height: Height, block_at: BlockAt) -> tuple[tuple[Header, ...], Certificate | None]:
    links: list[Header] = []
    while len(links) < RANGE_LINKS_MAX:
        found = block_at(height)
        if found is None:
            break
        links.append(found[0].header)
        if found[1] is not None:
            return tuple(links), found[1]
        height = Height(height + 1)
    return tuple(links), None
