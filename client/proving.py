"""Proving the story of a lot: every record in a trace against a receipt.

A trace is what one node says. Each record in it can be proven by its transaction's receipt, which is checked
against the pinned genesis: that the record is on the ledger, at that height, by that author, with those very
fields. What stays the node's word is that nothing is missing: a record that it leaves out does not show.
For that, ask several nodes, or run ``monazite verify``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from client.errors import Unverified
from client.receipt import VerifiedReceipt
from client.session import Client
from client.tracing import PlacedRecord, Trace
from ledger.display import plain

RECEIPTS_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class ProvenTrace:
    """What was proven about a trace."""

    records_count: int
    transactions_count: int


async def prove_trace(client: Client, trace: Trace) -> ProvenTrace:
    """Check every record that a trace shows against its receipt.

    Raises:
        Unverified: A record is not on the ledger as the trace shows it, or a receipt does not verify.
        Unreachable: No node gave a receipt.
    """
    records = records_of(trace)
    limit = asyncio.Semaphore(RECEIPTS_AT_ONCE)

    async def fetch(tx_id: str) -> VerifiedReceipt:
        async with limit:
            return await client.receipt(tx_id)

    ids = sorted({placed.tx_id for placed in records})
    receipts = dict(zip(ids, await asyncio.gather(*map(fetch, ids)), strict=True))
    for placed in records:
        _check(placed, receipts[placed.tx_id])
    return ProvenTrace(len(records), len(ids))


def records_of(trace: Trace) -> tuple[PlacedRecord, ...]:
    """Return every record that a trace shows, each once."""
    lots = (trace.lot, *trace.upstream, *trace.downstream)
    found = [item.made for item in lots]
    found += [origin.placed for origin in trace.origins]
    for transfer in trace.transfers:
        found += [transfer.offer, transfer.answer]
    by_name = {
        (placed.tx_id, placed.place.record_index): placed for placed in found if placed is not None
    }
    return tuple(by_name.values())


def _check(placed: PlacedRecord, receipt: VerifiedReceipt) -> None:
    index = placed.place.record_index
    if not 0 <= index < len(receipt.records):
        raise _lie(placed, f"its transaction has {len(receipt.records)} records only")
    proven = plain(receipt.records[index])
    shown = {"type": placed.record.type, "fields": placed.record.fields}
    if proven != shown:
        raise _lie(placed, f"shown as {shown}, proven is {proven}")
    if (placed.author, placed.place.height) != (receipt.author, receipt.height):
        raise _lie(
            placed,
            f"shown as written by {placed.author} in block {placed.place.height}, proven is "
            f"{receipt.author} in block {receipt.height}",
        )


def _lie(placed: PlacedRecord, reason: str) -> Unverified:
    return Unverified(
        "the node that told the story",
        f"record {placed.place.record_index} of {placed.tx_id}: {reason}",
    )
