"""Governance in the market: proposals, ballots, and records that wait for the ministry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ledger.records.ballot import Ballot
from ledger.records.pending import Approve, AwaitApproval
from ledger.records.proposal_content import Content, SwitchRules
from ledger.records.propose import Propose
from ledger.records.record import Record
from ledger.state.rows import PendingRow, ProposalRow, RecordReference
from ledger.state.table import Table
from ledger.state.tables import PENDING, PROPOSALS
from ledger.store import STATE
from ledger.vocabulary import BallotChoice, OreKind, ProposalState
from ledger.wire.codec import encode
from ledger.wire.scalars import Height, MemberId, TxId
from tests.support.founding import FOUNDERS, MINISTRY
from tests.support.governing import replacing, setting
from tests.support.trading import IONIC_PIT, MINE, OTHER_MINE, PIT, TRADER
from tests.support.world import mine

if TYPE_CHECKING:
    from tests.support.market import Market


def draw_governance(market: Market) -> tuple[MemberId, Record]:
    """Draw a proposal, a ballot, a record that waits, or an approval."""
    proposals, pending = _names(market, PROPOSALS), _names(market, PENDING)
    kind = market.choose(8)
    voter = market.one_of(FOUNDERS) if market.choose(12) else TRADER
    if kind == 0 or not proposals:
        return voter, Propose(content=_content(market), reason="as agreed")
    if kind < 5:
        choice = BallotChoice.YES if market.choose(5) else BallotChoice.NO
        is_open = [
            name
            for name in proposals
            if market.world.expect(PROPOSALS, name.tx_id, name.index).state == ProposalState.OPEN
        ]
        return voter, Ballot(proposal=market.one_of(is_open or proposals), choice=choice)
    if kind < 7 and pending:
        return MINISTRY, Approve(pending=market.one_of(pending))
    owner, pit, ore = market.one_of(
        ((MINE, PIT, OreKind.ROCK), (OTHER_MINE, IONIC_PIT, OreKind.IONIC))
    )
    facility = msgspec.structs.replace(
        mine(owner, f"{pit}-{market.choose(3)}", ore="", ore_kind=ore),
        licence=f"L-{market.choose(3)}",
    )
    return owner, AwaitApproval(record=encode(facility), parties=(MINISTRY,))


def _content(market: Market) -> Content:
    height = market.world.height + market.choose(20)
    kind = market.choose(6)
    if kind == 0:
        return SwitchRules(version=1 + market.choose(2), from_height=Height(1_000_000))
    if kind == 1:
        return replacing(market.one_of(FOUNDERS[2:]), 1 + market.choose(5))
    name = market.one_of(("transit_tolerance_basis_points", "hold_days", "small_loss_allowance"))
    return setting(name, market.choose(60), from_height=height)


def _names(market: Market, table: Table[ProposalRow] | Table[PendingRow]) -> list[RecordReference]:
    start = len(STATE + table.prefix)
    return [
        RecordReference(tx_id=TxId(key[start:-8]), index=int.from_bytes(key[-8:], "big"))
        for key, _data in market.world.store.scan(STATE + table.prefix)
    ]
