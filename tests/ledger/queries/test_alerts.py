"""Alerts, in order, of everybody or of one."""

from __future__ import annotations

from ledger.queries.alerts import alerts
from ledger.state.rows import AlertRow, RecordReference
from ledger.state.tables import ALERTS
from ledger.store import STATE, MemoryStore
from ledger.wire.codec import encode
from ledger.wire.scalars import Height, MemberId, TxId


def stored_alerts(count: int) -> MemoryStore:
    """Alert number n is of block n, about mine-a or mine-b in turn, with one of three codes."""
    store = MemoryStore()
    writes: dict[bytes, bytes | None] = {}
    for number in range(count):
        tx_id = TxId(number.to_bytes(32, "big"))
        row = AlertRow(
            code=f"code-{number % 3}",
            member=MemberId("mine-a" if number % 2 else "mine-b"),
            reference=RecordReference(tx_id=tx_id, index=0),
            height=Height(number),
            sentence=f"Finding {number}.",
            figures=(("found", number),),
        )
        writes[STATE + ALERTS.key(number, tx_id, 0, 0)] = encode(row)
    store.write(writes)
    return store


def heights(store: MemoryStore, *, page: int = 2, **options: object) -> list[int]:
    found: list[int] = []
    after: bytes | None = None
    while True:
        listing = alerts(store, after=after, limit=page, **options)  # type: ignore[arg-type]
        found += [listed.row.height for listed in listing.items]
        after = listing.next_after
        if after is None:
            return found


def test_alerts_come_in_the_order_of_blocks_or_backwards() -> None:
    store = stored_alerts(7)
    assert heights(store) == list(range(7))
    assert heights(store, newest_first=True) == list(range(6, -1, -1))
    assert heights(MemoryStore()) == []


def test_alerts_of_one_member_or_one_code_or_both() -> None:
    store = stored_alerts(12)
    assert heights(store, member=MemberId("mine-a")) == [1, 3, 5, 7, 9, 11]
    assert heights(store, code="code-0") == [0, 3, 6, 9]
    assert heights(store, member=MemberId("mine-a"), code="code-0") == [3, 9]
    assert heights(store, member=MemberId("nobody")) == []
    assert heights(store, member=MemberId("mine-a"), newest_first=True, page=1) == [
        11, 9, 7, 5, 3, 1,
    ]  # fmt: skip


def test_the_page_is_as_long_as_asked_for_when_there_is_enough() -> None:
    listing = alerts(stored_alerts(5), limit=5)
    assert len(listing.items) == 5
    assert listing.next_after is None
    listing = alerts(stored_alerts(5), limit=4)
    assert len(listing.items) == 4
    assert listing.next_after == listing.items[-1].cursor
