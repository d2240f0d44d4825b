"""The book of production: what came in from outside, what was mixed, and what is in process.

Its own arithmetic, after the specification: cells in dicts, and one share after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ledger.invariants.lot_book import BookLot, Occurrence
from ledger.invariants.opening import Books, rows_of, split_text
from ledger.invariants.quota_book import BookAccount
from ledger.invariants.shares import Content, by_element, remaining, taken, without_zeros
from ledger.records.assay import Assay
from ledger.records.campaign import Campaign
from ledger.records.declare_excess import DeclareExcess
from ledger.records.define_product import DefineProduct
from ledger.records.found_lot import FoundLot
from ledger.records.import_lot import ImportLot
from ledger.records.merge_lots import MergeLots
from ledger.records.mine_output import MineOutput
from ledger.records.move_lot import MoveLot
from ledger.records.opening_stock import OpeningStock
from ledger.records.register_facility import RegisterFacility
from ledger.records.relabel import Relabel
from ledger.records.restate import Restate
from ledger.records.scrap_intake import ScrapIntake
from ledger.state.rows import LineRow, ParametersRow, Parcel
from ledger.state.tables import (
    FACILITIES,
    GAIN_YEARS,
    LINE_MONTHS,
    LINES,
    OPENINGS,
    PARAMETERS,
    PRODUCTS,
)
from ledger.store import STATE, Reader
from ledger.vocabulary import (
    Activity,
    Bucket,
    CampaignKind,
    Element,
    ExternalNumberKind,
    ProductClass,
    QuotaStatus,
)
from ledger.wire.codec import decode
from ledger.wire.scalars import FacilityId, MemberId
from ledger.wire.transaction import lot_id_of

CAMPAIGN_NUMBER: Final = 2_000
"""The number under which the specification derives the id of a campaign."""
ORIGINS_MAX: Final = 64
UNDEBITED: Final = int(QuotaStatus.UNDEBITED)
DEBITED: Final = int(QuotaStatus.DEBITED)
EXEMPT: Final = int(QuotaStatus.EXEMPT)
ORE, COMPOUND, METAL = ProductClass.ORE, ProductClass.COMPOUND, ProductClass.METAL
ALLOY, SCRAP = ProductClass.ALLOY, ProductClass.SCRAP
MAY: Final = {
    CampaignKind.SEPARATION: (Activity.SEPARATION, {ORE, COMPOUND}, {COMPOUND}),
    CampaignKind.METAL: (Activity.METAL, {COMPOUND, METAL}, {METAL, ALLOY, SCRAP}),
    CampaignKind.RECYCLING: (Activity.RECYCLING, {SCRAP}, {COMPOUND, METAL}),
}
"""Activity of the facility, classes that go in, classes that come out."""


@dataclass(slots=True)
class BookLine:
    """A line between two campaigns."""

    campaigns: int
    until: int
    owner: MemberId
    stock: Content = field(default_factory=dict)


class ProductionBook:
    """Enters production into the books of lots, quotas and members."""

    def __init__(self, books: Books, reader: Reader) -> None:
        """Open on the lines and gains of a store; what is in process has entered the traced world."""
        self._books = books
        data = reader.get(STATE + PARAMETERS.key())
        if data is None:
            raise ValueError("the store holds no parameters; write the genesis block first")
        self._parameters = decode(ParametersRow, data)
        self.lines: dict[tuple[str, int], BookLine] = {}
        self.months: dict[tuple[str, int, int], tuple[int, dict[int, tuple[int, int]]]] = {}
        self.gains: dict[tuple[int, str], tuple[int, dict[int, tuple[int, int, int]]]] = {}
        self._activities: dict[str, Activity] = {}
        self._starts: dict[str, QuotaStatus] = {}
        self.opened = {split_text(key)[0] for key, _row in rows_of(reader, OPENINGS)}
        for key, facility in rows_of(reader, FACILITIES):
            self._activities[split_text(key)[0]] = facility.activity
        for key, product in rows_of(reader, PRODUCTS):
            self._starts[split_text(key)[0]] = product.status_at_origin
        for place, line in _lines(reader).items():
            self.lines[place] = line
            books.lots.enter(by_element(line.stock))
            books.lots.origins.update(origin for origin, _status, _element in line.stock)
        for lot in books.lots.lots.values():
            books.lots.origins.update(origin for origin, _status, _element in lot.content)
        self.months.update(_months(reader))
        self.gains.update(_gains(reader))

    def take_parameters(self, parameters: ParametersRow) -> None:
        """Go on with other parameters."""
        self._parameters = parameters

    def register_facility(self, at: Occurrence, record: RegisterFacility) -> None:
        """Note what a new facility does."""
        del at
        self._activities[record.id] = record.activity

    def define_product(self, at: Occurrence, record: DefineProduct) -> None:
        """Note how a product starts."""
        del at
        self._starts[record.code] = record.status_at_origin

    def import_lot(self, at: Occurrence, record: ImportLot) -> None:
        """Enter goods from abroad."""
        self._books.register.require(at, record.customs)
        self._books.months.touch(at.author, record.date)
        self._books.months.touch(record.customs, record.date)
        owes = self._starts.get(record.product) is QuotaStatus.UNDEBITED
        status = UNDEBITED if owes else EXEMPT
        self._claim(ExternalNumberKind.DECLARATION, record.customs, record.declaration, at.author)
        self._enter(at, f"import/{at.lot().hex()}", status, record)

    def scrap_intake(self, at: Occurrence, record: ScrapIntake) -> None:
        """Enter scrap that somebody outside the register has sold."""
        self._books.months.touch(at.author, record.date)
        self._expect_facility(at, record.facility, Activity.RECYCLING)
        if self._class_of(record.product) is not SCRAP:
            self._find(at, "class", f"takes in {record.product}, which is no scrap")
        self._claim(ExternalNumberKind.PURCHASE, record.seller, record.document, MemberId(""))
        self._enter(at, f"scrap/{at.lot().hex()}", EXEMPT, record)
        place = (record.facility, record.date // 10_000)
        grams = sum(amount for _element, amount in record.elements)
        produced = self._books.quotas.produced
        produced[place] = produced.get(place, 0) + grams

    def found_lot(self, at: Occurrence, record: FoundLot) -> None:
        """Enter goods that turned up; they are held by the authority that signs."""
        self._books.register.require(at, record.authority)
        if record.authority not in self._books.register.authorities:
            self._find(at, "author", f"has {record.authority} sign, which is no authority")
        self._books.months.touch(at.author, record.date)
        self._books.months.touch(record.authority, None)
        status = self._starts.get(record.product, QuotaStatus.UNDEBITED)
        self._enter(at, f"found/{at.lot().hex()}", int(status), record)
        lots = self._books.lots.lots
        lots[at.lot()] = replace(lots[at.lot()], holds=(("found", record.authority, 0),))

    def merge(self, at: Occurrence, record: MergeLots) -> None:
        """Replace lots by their sum."""
        self._books.months.touch(at.author, record.date)
        lots = self._books.lots
        parents = {lot_id: lots.known(lot_id) for lot_id in record.lots}
        found = {lot_id: lot for lot_id, lot in parents.items() if lot is not None}
        if len(found) < len(record.lots) or len(found) < 2:
            return
        first = found[record.lots[0]]
        for lot_id, lot in found.items():
            is_free = lot.transfer is None and not lot.is_held(at.time_ms)
            if not (lot.owner == lot.holder == at.author and is_free):
                self._find(at, "not-entitled", f"merges lot {lot_id.hex()}")
            if lot.product != first.product:
                self._find(at, "class", f"merges {lot.product} with {first.product}")
        content = self._folded(
            added(lot.content for lot in found.values()), f"merge/{at.lot().hex()}"
        )
        merged = BookLot(
            product=first.product,
            owner=at.author,
            holder=at.author,
            creator=at.author,
            code=record.code,
            date=record.date,
            gross=sum(lot.gross for lot in found.values()),
            content=content,
            parents=record.lots,
        )
        lots.add_lot(at.lot(), merged)
        for lot_id, lot in found.items():
            lots.exhaust(lot_id, lot)

    def excess(self, at: Occurrence, record: DeclareExcess) -> None:
        """Enter over-production: its lot is held, and what the account lacks is owed."""
        self._books.months.touch(at.author, record.period_to)
        self._expect_facility(at, record.facility, Activity.MINING)
        output = MineOutput(
            facility=record.facility, period_from=record.period_from, period_to=record.period_to,
            product=record.product, code=record.code, gross=record.gross,
            elements=record.elements, assay_digest=record.assay_digest,
        )  # fmt: skip
        lots, quotas = self._books.lots, self._books.quotas
        lots.mine_output(at, output)
        lots.lots[at.lot()] = replace(lots.lots[at.lot()], holds=(("excess", "", 0),))
        kind = self._books.register.facilities[record.facility].ore_kind
        quotas.overproduce(at, output, kind, self._books.months.this_year)

    def relabel(self, at: Occurrence, record: Relabel) -> None:
        """Give a lot another code."""
        self._books.months.touch(at.author, record.date)
        lots = self._books.lots
        lot = lots.known(record.lot)
        if lot is None:
            return
        is_free = lot.transfer is None and not lot.is_held(at.time_ms)
        if not (lot.owner == lot.holder == at.author and is_free):
            self._find(at, "not-entitled", f"relabels lot {record.lot.hex()}")
        label = (at.author, record.code)
        if label in lots.codes:
            self._find(at, "container-code", f"uses code {record.code} twice")
        lots.codes.pop((lot.creator, lot.code), None)
        lots.codes[label] = record.lot
        lots.lots[record.lot] = replace(lot, creator=at.author, code=record.code, date=record.date)

    def move(self, at: Occurrence, record: MoveLot) -> None:
        """Take a lot elsewhere."""
        self._books.months.touch(at.author, record.date)
        lot = self._books.lots.known(record.lot)
        if lot is None:
            return
        if lot.holder != at.author or lot.transfer is not None or lot.is_held(at.time_ms):
            self._find(at, "not-entitled", f"moves lot {record.lot.hex()}")
        if lot.owner != at.author:
            self._books.months.touch(lot.owner, record.date)
        self._books.lots.lots[record.lot] = replace(lot, date=record.date)

    def restate(self, at: Occurrence, record: Restate) -> None:
        """Let a lot hold what a laboratory has found."""
        self._books.register.require(at, record.laboratory)
        if record.authority:
            self._books.register.require(at, MemberId(record.authority))
        lots = self._books.lots
        lot = lots.known(record.lot)
        if lot is None:
            return
        for member in (at.author, lot.owner, record.laboratory):
            self._books.months.touch(member, record.date)
        if lot.holder != at.author or lot.transfer is not None or lot.is_held(at.time_ms):
            self._find(at, "not-entitled", f"restates lot {record.lot.hex()}")
        old, new = by_element(lot.content), _plain(record.elements)
        gains = {e: new[e] - old.get(e, 0) for e in new if new[e] > old.get(e, 0)}
        lost = {e: old[e] - new.get(e, 0) for e in old if new.get(e, 0) < old[e]}
        reo = sum(old.values())
        for element, grams in lost.items():
            most = max(
                old[element] * self._parameters.assay_tolerance_permille // 1_000,
                reo * self._parameters.gain_feed_basis_points // 10_000,
            )
            if grams > most and not record.authority:
                self._find(at, "gain", f"restates {grams} g of element {element} away")
        origin = f"restate/{record.lot.hex()}"
        lots.origins.add(origin)
        owes = any(status == UNDEBITED for _origin, status, _element in lot.content)
        found: Content = {
            (origin, UNDEBITED if owes else EXEMPT, element): grams
            for element, grams in gains.items()
        }
        kept = {element: min(grams, old.get(element, 0)) for element, grams in new.items()}
        content = self._folded(added((drawn(lot.content, kept), found)), origin)
        lots.lots[record.lot] = replace(lot, content=content, date=record.date)
        lots.enter(gains)
        lots.enter({element: -grams for element, grams in lost.items()})
        trace = reo * self._parameters.gain_feed_basis_points // 10_000
        self._claim(
            ExternalNumberKind.LABORATORY_REPORT, record.laboratory, record.report, at.author
        )
        if gains or lost:
            self.count_gains(at, record.date, {}, gains, lost, trace)

    def assay(self, at: Occurrence, record: Assay) -> None:
        """Note a report, which changes nothing."""
        lot = self._books.lots.known(record.lot)
        if lot is None:
            return
        for member in (at.author, lot.holder, lot.owner):
            self._books.months.touch(member, record.date)
        self._claim(ExternalNumberKind.LABORATORY_REPORT, at.author, record.report, lot.holder)

    def opening_stock(self, at: Occurrence, record: OpeningStock) -> None:
        """Enter what lay at a facility before the ledger began."""
        register, lots = self._books.register, self._books.lots
        register.require(at, record.inspectorate, persons=2)
        register.require(at, register.ministry)
        for member in (at.author, record.inspectorate, register.ministry):
            self._books.months.touch(member, record.date)
        facility = register.facilities.get(record.facility)
        if facility is None or facility.owner != at.author or record.facility in self.opened:
            self._find(at, "not-entitled", f"opens {record.facility} with stock")
        self.opened.add(record.facility)
        origin = f"opening/{record.facility}"
        lots.origins.add(origin)
        for number, entry in enumerate(record.lots):
            status = int(self._starts.get(entry.product, QuotaStatus.UNDEBITED))
            content: Content = {
                (origin, status, int(element)): grams for element, grams in entry.elements
            }
            lots.enter(by_element(content))
            lot = BookLot(
                product=entry.product, owner=at.author, holder=at.author, creator=at.author,
                code=entry.code, date=record.date, gross=entry.gross, content=content, parents=(),
            )  # fmt: skip
            lots.add_lot(at.lot(number), lot)
        is_separation = self._activities.get(record.facility) is Activity.SEPARATION
        status = UNDEBITED if is_separation else EXEMPT
        for stock in record.stock:
            if (record.facility, stock.line) in self.lines:
                self._find(at, "campaign", f"opens line {stock.line}, which is open")
            cells: Content = {
                (origin, status, int(element)): grams for element, grams in stock.elements
            }
            lots.enter(by_element(cells))
            line = BookLine(0, record.date, at.author, cells)
            self.lines[record.facility, stock.line] = line

    def campaign(self, at: Occurrence, record: Campaign) -> None:
        """Mix inputs and stock, and enter what came out of them."""
        self._books.months.touch(at.author, record.period_to)
        is_blending = record.kind is CampaignKind.BLENDING
        if not is_blending:
            self._expect_facility(at, record.facility, MAY[record.kind][0])
        if record.authority:
            self._books.register.require(at, MemberId(record.authority))
        line = self.lines.setdefault((record.facility, record.line), BookLine(0, 0, at.author))
        if record.period_from <= line.until:
            self._find(at, "campaign", f"overlaps the campaign that ended on {line.until}")
        fed, owners, classes = self._fed(at, record)
        stock: Content = {} if is_blending else line.stock
        if stock:
            owners.add(self._books.lots.lots.present(line.owner))
        if len(owners) != 1:
            self._find(at, "campaign", f"mixes goods of {sorted(owners)}")
        owner = min(owners) if owners else at.author
        if owner != at.author:
            self._books.months.touch(owner, record.period_to)
        if by_element(stock) != _plain(record.opening):
            self._find(at, "campaign", "opens with another stock than the line has")
        gained: Content = {
            (
                f"gain/{record.facility}",
                UNDEBITED if record.kind is CampaignKind.SEPARATION else EXEMPT,
                int(element),
            ): grams
            for element, grams in record.gain
        }
        self._check_balance(at, record, fed)
        campaign_id = lot_id_of(at.tx_id, at.index, CAMPAIGN_NUMBER)
        self._books.lots.origins.add(f"gain/{record.facility}")
        pool = self._folded(added((fed, stock, gained)), f"campaign/{campaign_id.hex()}")
        closing = self._come_out(at, record, owner, pool, classes)
        self._books.lots.enter(_plain(record.gain))
        self._books.lots.enter({int(element): -grams for element, grams in record.losses})
        line.campaigns += 1
        line.until = record.period_to
        if not is_blending:
            line.stock, line.owner = closing, owner
            self._count_month(record)
        self._count_gains(at, record, fed)

    def compare(self, reader: Reader) -> dict[int, int]:
        """Compare lines and gains with a store, and return the grams of each element in process."""
        findings = self._books.findings
        lines = _lines(reader)
        tables: tuple[tuple[str, Mapping[Any, object], Mapping[Any, object]], ...] = (
            ("line", self.lines, lines),
            ("line month", self.months, _months(reader)),
            (
                "opening stock",
                dict.fromkeys(self.opened),
                dict.fromkeys(split_text(key)[0] for key, _row in rows_of(reader, OPENINGS)),
            ),
            ("gains", self.gains, _gains(reader)),
        )
        for what, expected, found in tables:
            for place in sorted({*expected, *found}, key=str):
                findings.expect(
                    "production",
                    f"{what} at {place}",
                    expected=expected.get(place),
                    found=found.get(place),
                )
        return by_element(added(line.stock for line in lines.values()))

    def _fed(
        self, at: Occurrence, record: Campaign
    ) -> tuple[Content, set[MemberId], set[ProductClass | None]]:
        """Take the inputs off their lots; return their content, owners and classes."""
        lots = self._books.lots
        parts: list[Content] = []
        owners: set[MemberId] = set()
        classes: set[ProductClass | None] = set()
        for entry in record.inputs:
            lot = lots.known(entry.lot)
            if lot is None:
                continue
            if lot.holder != at.author or lot.transfer is not None or lot.is_held(at.time_ms):
                self._find(at, "not-entitled", f"processes lot {entry.lot.hex()}")
            owners.add(lot.owner)
            classes.add(self._class_of(lot.product))
            part = taken(lot.content, lot.gross, entry.gross)
            parts.append(part)
            owes = any(status == UNDEBITED for _origin, status, _element in part)
            is_ore = self._class_of(lot.product) is ORE
            may_owe = record.kind is CampaignKind.SEPARATION or (
                record.kind is CampaignKind.BLENDING and is_ore
            )
            if owes and not may_owe:
                self._find(at, "undebited-product", f"processes lot {entry.lot.hex()}, which owes")
            if entry.gross == lot.gross:
                lots.exhaust(entry.lot, lot)
            else:
                lots.lots[entry.lot] = _less(lot, entry.gross, part)
        if record.kind is CampaignKind.BLENDING:
            is_allowed = len(classes) == 1
        else:
            is_allowed = classes <= MAY[record.kind][1]
        if not is_allowed:
            self._find(at, "class", f"processes {sorted(map(str, classes))}")
        return added(parts), owners, classes

    def _come_out(
        self,
        at: Occurrence,
        record: Campaign,
        owner: MemberId,
        pool: Content,
        classes: set[ProductClass | None],
    ) -> Content:
        """Enter the outputs, debit them, and return what is left after the losses."""
        allowed = classes if record.kind is CampaignKind.BLENDING else MAY[record.kind][2]
        owed = 0
        for number, output in enumerate(record.outputs):
            if self._class_of(output.product) not in allowed:
                self._find(at, "class", f"makes {output.product}")
            content = drawn(pool, _plain(output.elements))
            pool = remaining(pool, content)
            if record.kind is CampaignKind.SEPARATION:
                owed += sum(grams for cell, grams in content.items() if cell[1] == UNDEBITED)
                content = added(
                    {(origin, DEBITED if status == UNDEBITED else status, element): grams}
                    for (origin, status, element), grams in content.items()
                )
            lot = BookLot(
                product=output.product,
                owner=owner,
                holder=at.author,
                creator=at.author,
                code=output.code,
                date=record.period_to,
                gross=output.gross,
                content=content,
                parents=(),
            )
            self._books.lots.add_lot(at.lot(number), lot)
        if owed:
            quotas = self._books.quotas
            key = (record.period_to // 10_000, int(Bucket.SEPARATION), at.author)
            account = quotas.accounts.setdefault(key, BookAccount())
            account.used += owed
            if account.left < 0 or quotas.debts.get(key[1:]):
                self._find(at, "quota-overdrawn", f"separates {owed} g without quota")
        return remaining(pool, drawn(pool, _plain(record.losses)))

    def _check_balance(self, at: Occurrence, record: Campaign, fed: Content) -> None:
        """Find an element whose two sides differ."""
        balance = by_element(fed)
        went = [record.losses, record.closing, *(output.elements for output in record.outputs)]
        for sign, parts in ((1, [record.opening, record.gain]), (-1, went)):
            for part in parts:
                for element, grams in part:
                    balance[int(element)] = balance.get(int(element), 0) + sign * grams
        off = {element: grams for element, grams in balance.items() if grams}
        if off:
            self._find(at, "mass-balance", f"does not add up: {off}")

    def _count_month(self, record: Campaign) -> None:
        place = (record.facility, record.line, record.period_to // 100)
        count, known = self.months.get(place, (0, {}))
        cells = dict(known)
        for element, grams in record.losses:
            out, lost = cells.get(int(element), (0, 0))
            cells[int(element)] = (out, lost + grams)
        for output in record.outputs:
            for element, grams in output.elements:
                out, lost = cells.get(int(element), (0, 0))
                cells[int(element)] = (out + grams, lost)
        self.months[place] = (count + 1, cells)

    def _count_gains(self, at: Occurrence, record: Campaign, fed: Content) -> None:
        """Count throughput and gains, and find a gain that is larger than errors explain."""
        parameters, came = self._parameters, by_element(fed)
        opening = _plain(record.opening)
        trace = (
            (sum(came.values()) + sum(opening.values()))
            * parameters.gain_feed_basis_points
            // 10_000
        )
        gains = _plain(record.gain)
        if record.kind is CampaignKind.BLENDING and (gains or record.losses or opening):
            self._find(at, "campaign", "blends with a gain, a loss or process stock")
        for element, grams in gains.items():
            feed = came.get(element, 0) + opening.get(element, 0)
            if grams > max(feed * parameters.gain_element_basis_points // 10_000, trace):
                self._find(at, "gain", f"gains {grams} g of element {element}")
        if not came and not gains:
            return
        self.count_gains(at, record.period_to, came, gains, {}, trace)

    def count_gains(
        self,
        at: Occurrence,
        date: int,
        came: Mapping[int, int],
        gains: Mapping[int, int],
        lost: Mapping[int, int],
        trace: int,
    ) -> None:
        """Count throughput, gains and losses by measuring in a member's year."""
        place = (date // 10_000, at.author)
        count, known = self.gains.get(place, (0, {}))
        cells = dict(known)
        for element in {**came, **gains, **lost}:
            old = cells.get(element, (0, 0, 0))
            new = (came.get(element, 0), gains.get(element, 0), lost.get(element, 0))
            cells[element] = (old[0] + new[0], old[1] + new[1], old[2] + new[2])
            fed, gained, gone = cells[element]
            most = max(fed * self._parameters.gain_year_basis_points // 10_000, trace)
            if new[1] and gained - gone > most:
                self._find(at, "gain", f"has gained {gained - gone} g of element {element}")
        self.gains[place] = (count + (1 if gains else 0), cells)

    def _enter(
        self, at: Occurrence, origin: str, status: int, record: ImportLot | ScrapIntake | FoundLot
    ) -> None:
        content: Content = {
            (origin, status, int(element)): grams for element, grams in record.elements
        }
        lots = self._books.lots
        lots.origins.add(origin)
        lots.enter(by_element(content))
        lot = BookLot(
            product=record.product,
            owner=at.author,
            holder=at.author,
            creator=at.author,
            code=record.code,
            date=record.date,
            gross=record.gross,
            content=content,
            parents=(),
        )
        lots.add_lot(at.lot(), lot)

    def _folded(self, content: Content, met_at: str) -> Content:
        """Let all but the 63 largest of more than 64 origins become one."""
        sizes: dict[str, int] = {}
        for (origin, _status, _element), grams in content.items():
            sizes[origin] = sizes.get(origin, 0) + grams
        if len(sizes) <= ORIGINS_MAX:
            return content
        kept = sorted(sizes, key=lambda origin: (-sizes[origin], origin))[: ORIGINS_MAX - 1]
        self._books.lots.origins.add(met_at)
        return added(
            {(origin if origin in kept else met_at, status, element): grams}
            for (origin, status, element), grams in content.items()
        )

    def _claim(self, kind: ExternalNumberKind, issuer: str, number: str, party: MemberId) -> None:
        self._books.lots.just_numbered.append((kind, MemberId(issuer), number, party))

    def _class_of(self, product: str) -> ProductClass | None:
        return self._books.register.products.get(product)

    def _expect_facility(self, at: Occurrence, facility_id: FacilityId, activity: Activity) -> None:
        facility = self._books.register.facilities.get(facility_id)
        present = self._books.lots.lots.present
        is_own = facility is not None and present(facility.owner) == at.author
        if not is_own or self._activities.get(facility_id) is not activity:
            self._find(at, "not-entitled", f"uses {facility_id} for {activity.name.lower()}")

    def _find(self, at: Occurrence, code: str, what: str) -> None:
        self._books.findings.add(
            code, f"{at.author} {what}, in record {at.index} of transaction {at.tx_id.hex()}."
        )


def added(contents: Iterable[Content]) -> Content:
    """Return the sum of contents."""
    total: Content = {}
    for content in contents:
        for cell, grams in content.items():
            total[cell] = total.get(cell, 0) + grams
    return without_zeros(total)


def drawn(pool: Content, wanted: Mapping[int, int]) -> Content:
    """Return ``wanted`` grams of each element out of ``pool``, in the pool's blend."""
    result: Content = {}
    for element, grams in wanted.items():
        cells = {cell: amount for cell, amount in pool.items() if cell[2] == element}
        if grams and cells:
            result.update(taken(cells, sum(cells.values()), grams))
    return result


def _less(lot: BookLot, gross: int, part: Content) -> BookLot:
    return BookLot(
        product=lot.product, owner=lot.owner, holder=lot.holder, creator=lot.creator, code=lot.code,
        date=lot.date, gross=lot.gross - gross, content=remaining(lot.content, part),
        parents=lot.parents, holds=lot.holds, transfer=lot.transfer,
    )  # fmt: skip


def _plain(elements: Iterable[tuple[Element, int]]) -> dict[int, int]:
    return {int(element): grams for element, grams in elements if grams}


def _content(parcels: Iterable[Parcel]) -> Content:
    return {
        (parcel.origin, int(parcel.status), int(element)): grams
        for parcel in parcels
        for element, grams in parcel.grams
    }


def _lines(reader: Reader) -> dict[tuple[str, int], BookLine]:
    found: dict[tuple[str, int], BookLine] = {}
    for key, row in rows_of(reader, LINES):
        facility, rest = split_text(key)
        found[facility, int.from_bytes(rest, "big")] = _line_of(row)
    return found


def _line_of(row: LineRow) -> BookLine:
    return BookLine(row.campaigns, row.until, row.owner, _content(row.stock))


def _months(
    reader: Reader,
) -> dict[tuple[str, int, int], tuple[int, dict[int, tuple[int, int]]]]:
    found: dict[tuple[str, int, int], tuple[int, dict[int, tuple[int, int]]]] = {}
    for key, row in rows_of(reader, LINE_MONTHS):
        facility, rest = split_text(key)
        place = (facility, int.from_bytes(rest[:8], "big"), int.from_bytes(rest[8:], "big"))
        cells: dict[int, tuple[int, int]] = {
            int(element): (out, lost) for element, out, lost in row.cells
        }
        found[place] = (row.campaigns, cells)
    return found


def _gains(reader: Reader) -> dict[tuple[int, str], tuple[int, dict[int, tuple[int, int, int]]]]:
    found: dict[tuple[int, str], tuple[int, dict[int, tuple[int, int, int]]]] = {}
    for key, row in rows_of(reader, GAIN_YEARS):
        place = (int.from_bytes(key[:8], "big"), split_text(key[8:])[0])
        cells: dict[int, tuple[int, int, int]] = {
            int(element): (fed, gained, gone) for element, fed, gained, gone in row.cells
        }
        found[place] = (row.gains, cells)
    return found
