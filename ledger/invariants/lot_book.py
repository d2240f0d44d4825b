"""The book of lots: what exists, whose it is, where it came from, and under which transfer it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ledger.invariants.finding import Findings
from ledger.invariants.shares import Content, by_element, divided, remaining, taken
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.mine_output import MineOutput
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.split_lot import SplitLot
from ledger.vocabulary import ExternalNumberKind, Purpose, QuotaStatus
from ledger.wire.scalars import LotId, MemberId, TxId
from ledger.wire.transaction import lot_id_of

TRANSFER_NUMBER: Final = 1_000
"""The number under which the specification derives the id of a transfer."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Who wrote a record, and what it is called."""

    author: MemberId
    is_suspended: bool
    """The author was suspended when it wrote."""
    tx_id: TxId
    index: int
    time_ms: int = 0
    """Time of the block."""

    def lot(self, number: int = 0) -> LotId:
        """Return the id of a lot that the record makes."""
        return lot_id_of(self.tx_id, self.index, number)


@dataclass(frozen=True, slots=True)
class BookTransfer:
    """An open or disputed transfer."""

    id: LotId
    seller: MemberId
    buyer: MemberId
    purpose: int
    invoice: str
    offered: int
    is_disputed: bool = False
    received: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLot:
    """A live lot."""

    product: str
    owner: MemberId
    holder: MemberId
    creator: MemberId
    code: str
    date: int
    gross: int
    content: Content
    parents: tuple[LotId, ...]
    holds: tuple[tuple[str, str, int], ...] = ()
    """Case, authority and end of each hold; an end of 0 never comes."""
    transfer: BookTransfer | None = None

    def is_held(self, time_ms: int) -> bool:
        """Tell whether a hold is in force at a moment."""
        return any(end == 0 or time_ms < end for _case, _by, end in self.holds)

    def holds_with(
        self, case: str, by: str, end: int, time_ms: int
    ) -> tuple[tuple[str, str, int], ...]:
        """Return the holds and one more, in place of the oldest lapsed one when 8 are there."""
        holds = list(self.holds)
        lapsed = [hold for hold in holds if 0 < hold[2] <= time_ms]
        if len(holds) >= 8 and lapsed:
            holds.remove(lapsed[0])
        return (*holds, (case, by, end))


@dataclass(slots=True)
class BookLoss:
    """What went missing on the way to one member in a year."""

    receipts: int = 0
    sent: int = 0
    gross: int = 0
    grams: dict[int, int] = field(default_factory=dict)

    def add(self, sent: int, gross: int, gone: Content) -> None:
        """Count a short receipt."""
        self.receipts += 1
        self.sent += sent
        self.gross += gross
        for element, grams in by_element(gone).items():
            self.grams[element] = self.grams.get(element, 0) + grams


class TrackedLots(dict[LotId, BookLot]):
    """The live lots, which remember what each lot was before the current record."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[LotId, BookLot | None] = {}
        self.successors: dict[MemberId, MemberId] = {}
        """Who stands in the place of whom; lots are written under other names only when they change."""
        self._renamed: dict[LotId, tuple[BookLot, BookLot]] = {}

    def present(self, member: MemberId) -> MemberId:
        """Return who stands in the place of a member now."""
        while member in self.successors:
            member = self.successors[member]
        return member

    def named(self, lot_id: LotId) -> BookLot | None:
        """Return a lot under the present names of its parties."""
        lot = self.get(lot_id)
        if lot is None or not self.successors:
            return lot
        transfer = lot.transfer
        if transfer is not None:
            seller, buyer = self.present(transfer.seller), self.present(transfer.buyer)
            transfer = replace(transfer, seller=seller, buyer=buyer)
        owner, holder = self.present(lot.owner), self.present(lot.holder)
        return replace(lot, owner=owner, holder=holder, transfer=transfer)

    def renames(self) -> list[tuple[BookLot | None, BookLot | None]]:
        """Return lots that changed under new names since the last call: as written, and as named."""
        renamed: list[tuple[BookLot | None, BookLot | None]] = list(self._renamed.values())
        self._renamed.clear()
        return renamed

    def _remember(self, lot_id: LotId) -> None:
        if lot_id not in self.before:
            written, named = self.get(lot_id), self.named(lot_id)
            self.before[lot_id] = named
            if written is not None and named is not None and written != named:
                self._renamed[lot_id] = (written, named)

    def __setitem__(self, lot_id: LotId, lot: BookLot) -> None:
        self._remember(lot_id)
        super().__setitem__(lot_id, lot)

    def __delitem__(self, lot_id: LotId) -> None:
        self._remember(lot_id)
        super().__delitem__(lot_id)

    def changes(self) -> list[tuple[BookLot | None, BookLot | None]]:
        """Return every lot that changed since the last call, before and after."""
        changed = [(before, self.get(lot_id)) for lot_id, before in self.before.items()]
        self.before.clear()
        return changed


@dataclass(slots=True)
class LotBook:
    """Keeps the live lots of a history."""

    findings: Findings
    tolerance_basis_points: int
    lots: TrackedLots = field(default_factory=TrackedLots)
    codes: dict[tuple[MemberId, str], LotId] = field(default_factory=dict)
    entered: dict[int, int] = field(default_factory=dict)
    """Grams of each element that came into the traced world."""
    losses: dict[tuple[int, MemberId], BookLoss] = field(default_factory=dict)
    exhausted: int = 0
    """Lots that were used up."""
    just_exhausted: list[LotId] = field(default_factory=list)
    """Those among them that no check has looked at yet."""
    just_invoiced: list[tuple[MemberId, str, MemberId]] = field(default_factory=list)
    """Seller, invoice and buyer of offers that no check has looked at yet."""
    just_numbered: list[tuple[ExternalNumberKind, MemberId, str, MemberId]] = field(
        default_factory=list
    )
    """Kind, issuer, number and party of other numbers that no check has looked at yet."""
    origins: set[str] = field(default_factory=set)
    """Origins besides mines that content may have."""

    def mine_output(self, at: Occurrence, record: MineOutput) -> None:
        """Enter what a mine has produced."""
        origin, status = f"mine/{record.facility}", int(QuotaStatus.UNDEBITED)
        content: Content = {
            (origin, status, int(element)): grams for element, grams in record.elements
        }
        self.enter(by_element(content))
        lot = BookLot(
            product=record.product,
            owner=at.author,
            holder=at.author,
            creator=at.author,
            code=record.code,
            date=record.period_to,
            gross=record.gross,
            content=content,
            parents=(),
        )
        self._add(at.lot(), lot)

    def split(self, at: Occurrence, record: SplitLot) -> None:
        """Replace a lot by its children."""
        lot = self._of_author(at, record.lot)
        if lot is None:
            return
        grosses = [child.gross for child in record.children]
        self.findings.expect(
            "lot", f"gross of the children of lot {record.lot.hex()}",
            expected=lot.gross, found=sum(grosses),
        )  # fmt: skip
        contents = divided(lot.content, grosses)
        for number, (child, content) in enumerate(zip(record.children, contents, strict=True)):
            part = self._part(at, record.lot, lot, child.gross, content)
            self._add(at.lot(number), replace(part, code=child.code, date=record.date))
        self._exhaust(record.lot, lot)

    def offer(self, at: Occurrence, record: OfferTransfer) -> None:
        """Lock a lot, or the part that is taken from it, for a buyer."""
        lot = self._known(record.lot)
        if lot is None:
            return
        if lot.transfer is not None or lot.is_held(at.time_ms):
            self.findings.add(
                "double-transfer",
                f"{at.author} offers lot {record.lot.hex()}, which is not free.",
                lot=record.lot.hex(),
            )
        if not _may_offer(at.author, record, lot):
            self._not_entitled(at, record.lot, "offer", lot)
        if record.invoice:
            self.just_invoiced.append((at.author, record.invoice, record.buyer))
        transfer = BookTransfer(
            id=at.lot(TRANSFER_NUMBER),
            seller=at.author,
            buyer=record.buyer,
            purpose=int(record.purpose),
            invoice=record.invoice,
            offered=record.date,
        )
        if not record.part_gross:
            self.lots[record.lot] = replace(lot, transfer=transfer)
            return
        content = taken(lot.content, lot.gross, record.part_gross)
        part = self._part(at, record.lot, lot, record.part_gross, content)
        self._add(
            at.lot(), replace(part, code=record.part_code, date=record.date, transfer=transfer)
        )
        self.lots[record.lot] = replace(
            lot, gross=lot.gross - record.part_gross, content=remaining(lot.content, content)
        )

    def accept(self, at: Occurrence, record: AcceptTransfer) -> None:
        """Hand a lot over, less what was lost, or note a dispute."""
        lot, transfer = self._transfer(record)
        if lot is None or transfer is None:
            return
        if at.author != transfer.buyer or lot.is_held(at.time_ms) or transfer.is_disputed:
            self._not_entitled(at, record.lot, "accept", lot)
        lost = lot.gross - record.received_gross
        if lost * 10_000 > self.tolerance_basis_points * lot.gross:
            disputed = replace(transfer, is_disputed=True, received=record.received_gross)
            self.lots[record.lot] = replace(lot, transfer=disputed)
            return
        content = lot.content
        if lost:
            gone = taken(lot.content, lot.gross, lost)
            content = remaining(lot.content, gone)
            loss = self.losses.setdefault((record.date // 10_000, at.author), BookLoss())
            loss.add(lot.gross, lost, gone)
        self.lots[record.lot] = replace(
            lot,
            owner=at.author if transfer.purpose == Purpose.SALE else lot.owner,
            holder=at.author,
            date=record.date,
            gross=record.received_gross,
            content=content,
            holds=lot.holds_with("suspension", "", 0, at.time_ms) if at.is_suspended else lot.holds,
            transfer=None,
        )

    def unlock(self, at: Occurrence, record: RejectTransfer | CancelTransfer) -> None:
        """Give a lot back to its seller."""
        lot, transfer = self._transfer(record)
        if lot is None or transfer is None:
            return
        entitled = transfer.buyer if isinstance(record, RejectTransfer) else transfer.seller
        if at.author != entitled or transfer.is_disputed:
            self._not_entitled(at, record.lot, "reject or cancel", lot)
        self.lots[record.lot] = replace(lot, transfer=None, date=record.date)

    def enter(self, grams: Mapping[int, int]) -> None:
        """Count grams that come into the traced world."""
        for element, amount in grams.items():
            self.entered[element] = self.entered.get(element, 0) + amount

    def book_loss(
        self, year: int, receiver: MemberId, sent: int, gross: int, gone: Content
    ) -> None:
        """Count grams that were lost on the way to a receiver."""
        self.losses.setdefault((year, receiver), BookLoss()).add(sent, gross, gone)

    def add_lot(self, lot_id: LotId, lot: BookLot) -> None:
        """Enter a new lot."""
        self._add(lot_id, lot)

    def exhaust(self, lot_id: LotId, lot: BookLot) -> None:
        """Take out a lot that is used up."""
        self._exhaust(lot_id, lot)

    def known(self, lot_id: LotId) -> BookLot | None:
        """Return a live lot; a record that names another one is a finding."""
        return self._known(lot_id)

    def _known(self, lot_id: LotId) -> BookLot | None:
        lot = self.lots.named(lot_id)
        if lot is None:
            self.findings.add(
                "lot-unknown",
                f"a record uses lot {lot_id.hex()}, which was never made or is used up.",
                lot=lot_id.hex(),
            )
        return lot

    def _of_author(self, at: Occurrence, lot_id: LotId) -> BookLot | None:
        lot = self._known(lot_id)
        if lot is not None:
            owned = lot.owner == lot.holder == at.author
            if not owned or lot.transfer is not None or lot.is_held(at.time_ms):
                self._not_entitled(at, lot_id, "divide", lot)
        return lot

    def _transfer(
        self, record: AcceptTransfer | RejectTransfer | CancelTransfer
    ) -> tuple[BookLot | None, BookTransfer | None]:
        lot = self._known(record.lot)
        transfer = None if lot is None else lot.transfer
        if lot is not None and (transfer is None or transfer.id != record.transfer):
            self.findings.add(
                "double-transfer",
                f"a record answers transfer {record.transfer.hex()}, which is not open on lot "
                f"{record.lot.hex()}.",
                lot=record.lot.hex(),
                transfer=record.transfer.hex(),
            )
            return lot, None
        return lot, transfer

    def _not_entitled(self, at: Occurrence, lot_id: LotId, verb: str, lot: BookLot) -> None:
        self.findings.add(
            "not-entitled",
            f"{at.author} may not {verb} lot {lot_id.hex()}, which belongs to {lot.owner}, lies with "
            f"{lot.holder}, and is {'not ' if lot.transfer is None else ''}offered.",
            lot=lot_id.hex(),
            author=at.author,
        )

    def _part(
        self, at: Occurrence, parent_id: LotId, parent: BookLot, gross: int, content: Content
    ) -> BookLot:
        return replace(
            parent, creator=at.author, gross=gross, content=content, parents=(parent_id,)
        )

    def _add(self, lot_id: LotId, lot: BookLot) -> None:
        if lot_id in self.lots or lot.gross <= 0:
            self.findings.add("lot", f"lot {lot_id.hex()} is made twice, or of nothing.")
        label = (lot.creator, lot.code)
        if label in self.codes:
            self.findings.add(
                "container-code",
                f"code {lot.code} of {lot.creator} is on two live lots.",
                one=self.codes[label].hex(),
                other=lot_id.hex(),
            )
        self.codes[label] = lot_id
        self.lots[lot_id] = lot

    def _exhaust(self, lot_id: LotId, lot: BookLot) -> None:
        del self.lots[lot_id]
        self.codes.pop((lot.creator, lot.code), None)
        self.exhausted += 1
        self.just_exhausted.append(lot_id)


def _may_offer(author: MemberId, record: OfferTransfer, lot: BookLot) -> bool:
    """Tell whether the specification lets ``author`` offer ``lot`` for this purpose."""
    if record.purpose is Purpose.RETURN:
        return author == lot.holder != lot.owner == record.buyer
    if record.purpose is Purpose.SALE:
        return author == lot.owner != record.buyer and lot.holder in (author, record.buyer)
    return author == lot.owner == lot.holder != record.buyer
