"""Layers of the state: committed rows, overlays, and the buffer of a transaction."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger.commit import open_committed
from ledger.state import view as view_module
from ledger.state.rows import FacilityYearRow
from ledger.state.tables import FACILITY_YEARS, MEMBERS
from ledger.state.view import Overlay, StateView
from ledger.store import INDEX, STATE, MemoryStore
from ledger.wire.codec import encode
from ledger.wire.scalars import Grams, TxId
from tests.support.founding import MINISTRY, open_test_genesis
from tests.support.world import World


def row(grams: int) -> FacilityYearRow:
    return FacilityYearRow(produced=Grams(grams))


class LayeredState(RuleBasedStateMachine):
    """A view on overlays on a store behaves like one dict with a journal of undo steps."""

    def __init__(self) -> None:
        super().__init__()
        store = MemoryStore()
        store.write(open_test_genesis().writes())
        store.write({STATE + FACILITY_YEARS.key("f0", 2024): encode(row(5))})
        self.base = open_committed(store)
        self.overlay = Overlay(self.base)
        self.view = StateView(self.overlay)
        self.known: dict[int, int | None] = {0: 5}
        self.pending: dict[int, int | None] = {}

    @rule(facility=st.integers(0, 3), grams=st.integers(0, 9))
    def put(self, facility: int, grams: int) -> None:
        self.view.put(FACILITY_YEARS, f"f{facility}", 2024, row=row(grams))
        self.pending[facility] = grams

    @rule(facility=st.integers(0, 3))
    def delete(self, facility: int) -> None:
        self.view.delete(FACILITY_YEARS, f"f{facility}", 2024)
        self.pending[facility] = None

    @rule()
    def transaction_applies(self) -> None:
        self.view.absorb_into(self.overlay)
        self.known.update(self.pending)
        self.pending = {}
        self.view = StateView(self.overlay)

    @rule()
    def transaction_is_refused(self) -> None:
        self.pending = {}
        self.view = StateView(self.overlay)

    @rule()
    def next_block_begins(self) -> None:
        self.transaction_applies()
        self.overlay = Overlay(self.overlay)
        self.view = StateView(self.overlay)

    @invariant()
    def every_layer_shows_what_it_should(self) -> None:
        for facility in range(4):
            parts = (f"f{facility}", 2024)
            seen = self.view.get(FACILITY_YEARS, *parts)
            below = self.overlay.row(FACILITY_YEARS.key(*parts), FacilityYearRow)
            expected = {**self.known, **self.pending}.get(facility)
            assert (None if seen is None else seen.produced) == expected
            assert (None if below is None else below.produced) == self.known.get(facility)


TestLayeredState = LayeredState.TestCase


def test_a_committed_row_is_decoded_once_and_kept() -> None:
    world = World()
    key = MEMBERS.key(MINISTRY)
    first = world.state.row(key, MEMBERS.kind)
    assert first is not None
    assert world.state.row(key, MEMBERS.kind) is first


def test_absence_is_remembered_and_forgotten_when_the_row_comes() -> None:
    world = World()
    assert world.state.row(MEMBERS.key("mine-a"), MEMBERS.kind) is None
    world.admit("mine-a")
    assert world.state.row(MEMBERS.key("mine-a"), MEMBERS.kind) is not None


def test_full_caches_are_emptied_and_refilled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "CACHED_ROWS_MAX", 3)
    monkeypatch.setattr(view_module, "CACHED_PAGES_MAX", 3)
    world = World()
    for number in range(6):
        world.admit(f"mine-{number}")
    for number in range(6):
        assert world.state.row(MEMBERS.key(f"mine-{number}"), MEMBERS.kind) is not None


def test_index_entries_and_transactions_fall_through_all_layers() -> None:
    world = World()
    world.store.write({INDEX + b"old": b"1"})
    parent, tx_id = Overlay(world.state), TxId(b"t" * 32)
    view = StateView(parent)
    view.put_index(b"new", b"2")
    assert parent.index_entry(b"new") is None
    view.absorb_into(parent)
    parent.transactions[tx_id] = 0
    child: Any = Overlay(parent)
    assert (child.index_entry(b"old"), child.index_entry(b"new")) == (b"1", b"2")
    assert child.index_entry(b"none") is None
    assert child.has_transaction(tx_id)
    assert StateView(child).has_transaction(tx_id)
    assert not child.has_transaction(TxId(bytes(32)))


def test_a_committed_transaction_is_found_with_its_place() -> None:
    world = World()
    transaction = world.transaction(MINISTRY, world.admission("mine-a"))
    world.commit(transaction)
    assert world.state.place_of(transaction.tx_id) == (1, 0)
    assert world.state.place_of(TxId(bytes(32))) is None
