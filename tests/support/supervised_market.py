"""Supervision in the market: holds, releases, seizures and settlements, drawn right and wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ledger.records import decode_record
from ledger.records.consume import Consume
from ledger.records.correct import Correct
from ledger.records.export_lot import ExportLot
from ledger.records.file_month import FileMonth
from ledger.records.found_lot import FoundLot
from ledger.records.hold_lot import HoldLot
from ledger.records.import_lot import ImportLot
from ledger.records.incident import Incident
from ledger.records.inspect_site import Inspect
from ledger.records.mine_output import MineOutput
from ledger.records.opening_stock import OpeningStock
from ledger.records.penalise import Penalise
from ledger.records.record import Record
from ledger.records.release_lot import ReleaseLot
from ledger.records.release_reserve import ReleaseReserve
from ledger.records.report_lot import ReportLot
from ledger.records.restate import Restate
from ledger.records.seize_lot import SeizeLot
from ledger.records.settle_dispute import SettleDispute
from ledger.records.to_reserve import ToReserve
from ledger.records.write_off import WriteOff
from ledger.state.rows import LotRow, OpenTransfer
from ledger.vocabulary import Element, HoldAct, IncidentKind, Role, TransferState
from ledger.wire.scalars import Grams, LotId, MemberId
from tests.support.founding import MINISTRY
from tests.support.supervising import (
    EXPORTER,
    INSPECTORATE,
    INSPECTORS,
    consume,
    counting,
    export,
    export_licence,
    filing,
    forgotten,
    found,
    incident,
    output_correction,
    release_reserve,
    shown,
    to_reserve,
    write_off,
)
from tests.support.trading import BUYER, MINE, OTHER_MINE, PIT, TRADER
from tests.support.world import Signer, digest_of

if TYPE_CHECKING:
    from tests.support.market import Market


WITH_SECOND = (WriteOff, Incident, Consume, ToReserve, ReleaseReserve, FoundLot)
"""Records that an authority may have to sign too."""


def draw_supervision(market: Market) -> tuple[MemberId, Record]:
    """Draw one record of supervision; a settlement when something is disputed."""
    if not market.choose(8):
        return _correction(market)
    kind = market.choose(7)
    if kind < 2:
        return _filing(market)
    if kind < 4:
        return _sink(market)
    lots = [entry for entry in market.lots() if entry[1].gross]
    if not lots:
        return INSPECTORATE, HoldLot(lot=LotId(bytes(16)), case="1", reason="-", act=HoldAct.PLACE)
    disputed = [
        (lot_id, lot, lot.transfer)
        for lot_id, lot in lots
        if lot.transfer is not None
        and (lot.transfer.state == TransferState.DISPUTED or not market.choose(12))
    ]
    if disputed and market.choose(3):
        return _settlement(market, *market.one_of(disputed))
    held = [entry for entry in lots if entry[1].holds]
    if held and market.choose(3):
        lot_id, lot = market.one_of(held)
        case = market.one_of(lot.holds).case
        if not market.choose(4):
            return MINISTRY, HoldLot(lot=lot_id, case=case, reason="not done", act=HoldAct.RENEW)
        return INSPECTORATE, ReleaseLot(lot=lot_id, case=case, reason="explained")
    lot_id, lot = market.one_of(lots)
    if market.choose(2):
        return _note(market, lot_id, lot)
    case = f"K-{market.choose(30)}"
    if not market.choose(6):
        return INSPECTORATE, SeizeLot(lot=lot_id, case=case, reason="no papers", place="Yard 3")
    return INSPECTORATE, HoldLot(lot=lot_id, case=case, reason="seals", act=HoldAct.PLACE)


def _note(market: Market, lot_id: LotId, lot: LotRow) -> tuple[MemberId, Record]:
    """Write down a finding, a penalty or a report; or put something aside, or find something."""
    date = market.date()
    return market.one_of(
        (
            (INSPECTORATE, Inspect(facility="", lot=lot_id, finding="-", evidence=digest_of("-"))),
            (INSPECTORATE, Inspect(facility=PIT, lot=None, finding="-", evidence=digest_of("-"))),
            (
                MINISTRY,
                Penalise(member=TRADER, case="1", article="31", amount=1, quota_cut=Grams(0)),
            ),
            (
                BUYER,
                ReportLot(creator=lot.creator, code=market.code(), place="-", finding="no seal"),
            ),
            (BUYER, ReportLot(creator=lot.creator, code=lot.code, place="-", finding="seal cut")),
            (lot.holder, to_reserve(lot_id, date=date)),
            (lot.holder, release_reserve(lot_id, date=date)),
            (lot.holder, found(code=market.code(), date=date)),
            (market.one_of((MINE, INSPECTORATE)), counting(lot_id, lot.gross, date=date)),
        )
    )


def signers_of(market: Market, author: MemberId, records: list[Record]) -> tuple[Signer, ...]:
    """Return who signs: now and then one inspector too few, or one side."""
    if author == INSPECTORATE:
        return INSPECTORS if market.choose(10) else INSPECTORS[:1]
    signers: tuple[Signer, ...] = ((author, Role.OPERATOR),)
    records = [
        decode_record(record.forgotten)
        if isinstance(record, Correct) and record.forgotten
        else record
        for record in records
    ]
    corrects = any(isinstance(record, Correct) for record in records)
    if corrects and author != MINISTRY and market.choose(2):
        return (*signers, (MINISTRY, Role.OPERATOR))
    second = {signer for record in records for signer in _beside(record)} - {
        (author, Role.OPERATOR)
    }
    if second:
        return (*signers, *sorted(second))
    if all(isinstance(record, FileMonth) for record in records):
        signers = ((author, Role.FILING),)
    elif any(isinstance(record, FileMonth) for record in records):
        signers = ((author, Role.OPERATOR), (author, Role.FILING))
    return _sides(market, author, records) or signers


def _beside(record: Record) -> tuple[Signer, ...]:
    """Return who signs a record beside its author."""
    if isinstance(record, OpeningStock):
        return (*INSPECTORS, (MINISTRY, Role.OPERATOR))
    if isinstance(record, ExportLot | ImportLot):
        return ((record.customs, Role.OPERATOR),)
    named: tuple[str, ...] = ()
    if isinstance(record, Restate):
        named = (record.laboratory, record.authority)
    elif isinstance(record, WITH_SECOND):
        named = (record.authority,)
    return tuple((member, Role.OPERATOR) for member in named if member)


def _sides(market: Market, author: MemberId, records: list[Record]) -> tuple[Signer, ...]:
    """Return both sides of a transfer that is settled between them; nobody otherwise."""
    for record in records:
        if not isinstance(record, SettleDispute) or author == MINISTRY or not market.choose(10):
            continue
        for lot_id, lot in market.lots():
            if lot_id == record.lot and lot.transfer is not None:
                sides = (lot.transfer.seller, lot.transfer.buyer)
                return tuple((side, Role.OPERATOR) for side in sides)
    return ()


def _sink(market: Market) -> tuple[MemberId, Record]:
    """Let a part of a lot, or all of it, leave; now and then more than there is."""
    lots = [entry for entry in market.lots() if entry[1].gross]
    if not lots or not market.choose(8):
        return MINISTRY, export_licence(number=f"EL-{market.choose(6)}")
    exporters = [entry for entry in lots if entry[1].owner == entry[1].holder == EXPORTER]
    if exporters and market.choose(2):
        lot_id, lot = market.one_of(exporters)
        return EXPORTER, export(
            lot_id,
            1 + market.choose(lot.gross),
            date=market.date(),
            declaration=f"DEC-{market.choose(60)}",
            licence="",
        )
    lot_id, lot = market.one_of(lots)
    gross = market.one_of((lot.gross, 1 + market.choose(min(lot.gross, 20_000)), lot.gross + 1))
    date, author = market.date(), lot.holder
    signer = market.one_of(("", INSPECTORATE))
    record = market.one_of(
        (
            write_off(lot_id, gross, date=date, authority=signer),
            incident(
                lot_id,
                gross,
                date=date,
                authority=signer,
                kind=market.one_of(tuple(IncidentKind)),
            ),
            consume(lot_id, gross, date=date, authority=signer),
            export(
                lot_id,
                gross,
                date=date,
                declaration=f"DEC-{market.choose(60)}",
                licence=market.one_of(("", f"EL-{market.choose(6)}")),
            ),
        )
    )
    return author, record


def _correction(market: Market) -> tuple[MemberId, Record]:
    """Correct an output that the market has seen, or bring a record that was forgotten."""
    outputs = [
        (transaction, index)
        for built in market.blocks
        for transaction in built.included
        for index, record in enumerate(transaction.records)
        if isinstance(record, MineOutput)
    ]
    if not outputs or not market.choose(3):
        author, record = _sink(market)
        return author, forgotten(record)
    transaction, index = market.one_of(outputs)
    gross, grams = market.choose(2_000) - 1_000, market.choose(800) - 400
    correction = output_correction(transaction, gross, *(((Element.CE, grams),) if grams else ()))
    assert correction.output is not None
    delta = msgspec.structs.replace(correction.output, target=shown(transaction, index))
    return transaction.author, msgspec.structs.replace(correction, output=delta)


def _filing(market: Market) -> tuple[MemberId, Record]:
    """File the next month of an enterprise, now and then with a gram too many."""
    member = market.one_of((MINE, OTHER_MINE, BUYER, TRADER, EXPORTER))
    record = filing(market.world, member)
    if record.products and not market.choose(5):
        wrong = msgspec.structs.replace(record.products[0], closing=record.products[0].closing + 1)
        record = msgspec.structs.replace(record, products=(wrong, *record.products[1:]))
    return member, record


def _settlement(
    market: Market, lot_id: LotId, lot: LotRow, transfer: OpenTransfer
) -> tuple[MemberId, Record]:
    seller = market.choose(lot.gross + 1) if market.choose(2) else 0
    loss = market.choose(max(1, (lot.gross - seller) // 50))
    buyer = lot.gross - seller - loss + (0 if market.choose(10) else 1)
    author = market.one_of((transfer.seller, transfer.buyer, MINISTRY))
    return author, SettleDispute(
        lot=lot_id,
        transfer=transfer.transfer,
        date=market.date(),
        seller_gross=Grams(seller),
        buyer_gross=Grams(buyer),
        loss_gross=Grams(loss),
        seller_code=market.code() if seller and buyer else "",
        place="Ganzhou",
        reason="agreed",
    )
