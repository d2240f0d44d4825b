"""Books that find nothing are worth nothing unless they find what is wrong."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from ledger.invariants import Finding, Ledgerbook
from ledger.invariants.finding import FINDINGS_MAX
from ledger.invariants.opening import NoStateError
from ledger.parsed import ParsedTransaction
from ledger.records import RULES
from ledger.records.record import Record
from ledger.state.rows import (
    ExternalNumberRow,
    LossRow,
    LotRow,
    Parcel,
    QuotaRow,
)
from ledger.state.table import KeyPart, Table
from ledger.state.tables import (
    EXTERNAL_NUMBERS,
    FACILITY_YEARS,
    KEYS,
    LOSSES,
    LOTS,
    MEMBER_MONTHS,
    MEMBERS,
    PLANS,
    QUOTAS,
)
from ledger.store import STATE, MemoryStore
from ledger.vocabulary import (
    Bucket,
    Element,
    ExternalNumberKind,
    MemberStatus,
    Purpose,
    QuotaStatus,
    Role,
)
from ledger.wire.codec import WireStruct, encode
from ledger.wire.scalars import Grams, LotId, MemberId, TimeMs
from tests.support.keys import key_of
from tests.support.trading import (
    BUYER,
    GRANTED,
    LOT_GROSS,
    MINE,
    OTHER_MINE,
    PIT,
    TODAY,
    TRADER,
    accept,
    cancel,
    lot_of,
    mined,
    offer,
    offer_part,
    output,
    reject,
    split,
    suspend,
    trading_world,
    transfer_of,
)
from tests.support.world import World

BUCKET = int(Bucket.ROCK_MINING)


class Audited:
    """A world with two lots, one sold with a loss, one offered; the books were checked."""

    def __init__(self) -> None:
        self.world: World = trading_world()
        self.book = Ledgerbook(self.world.store)
        world = self.world
        sold = self.apply(MINE, output())
        self.sold = lot_of(sold)
        offered = self.apply(MINE, offer(self.sold))
        short = accept(self.sold, transfer_of(offered), received_gross=Grams(LOT_GROSS - 1_000))
        self.apply(BUYER, short)
        self.open = lot_of(self.apply(MINE, output(code="C-2")))
        self.transfer = transfer_of(self.apply(MINE, offer(self.open)))
        self.gone = lot_of(self.apply(MINE, output(code="C-3")))
        self.apply(MINE, split(self.gone, 500_000, 500_000))
        assert self.book.check(world.store) == []

    def apply(self, author: str, *records: Record) -> ParsedTransaction:
        transaction = self.world.apply(author, *records)
        self.book.observe(self.world.height, self.world.time_ms, (transaction,))
        return transaction

    def pretend(self, author: str, *records: Record, role: Role = Role.OPERATOR) -> list[str]:
        """Show the books a block that no rule would have let in; return the codes found."""
        transaction = self.world.transaction(author, *records, signers=((author, role),))
        height = type(self.world.height)(self.book.height + 1)
        self.book.observe(height, self.world.time_ms, (transaction,))
        return [finding.code for finding in self.book.check(self.world.store)]

    def tamper(self, table: Table[WireStruct], *parts: KeyPart, row: WireStruct | None) -> None:
        key = STATE + table.key(*parts)
        self.world.store.write({key: None if row is None else encode(row)})

    def findings(self) -> list[Finding]:
        return self.book.check(self.world.store)

    def codes(self) -> set[str]:
        return {finding.code for finding in self.findings()}


@pytest.fixture
def audited() -> Audited:
    return Audited()


def changed_lot(audited: Audited, lot: LotId, **changes: object) -> None:
    row: LotRow = audited.world.expect(LOTS, lot)
    audited.tamper(LOTS, lot, row=msgspec.structs.replace(row, **changes))


def test_a_gram_that_appears_in_a_lot_is_found_with_its_figures(audited: Audited) -> None:
    row = audited.world.expect(LOTS, audited.sold)
    (parcel,) = row.parcels
    first, *others = parcel.grams
    more = msgspec.structs.replace(parcel, grams=((first[0], Grams(first[1] + 1)), *others))
    changed_lot(audited, audited.sold, parcels=(more,))
    findings = audited.findings()
    assert {finding.code for finding in findings} == {"lot", "mass-balance"}
    balance = dict(next(each for each in findings if each.code == "mass-balance").figures)
    assert (balance["expected"], balance["found"]) == (375_000, 375_001)


def test_grams_that_move_from_one_lot_to_another_are_found(audited: Audited) -> None:
    changed_lot(audited, audited.sold, gross=Grams(LOT_GROSS))
    assert audited.codes() == {"lot"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("owner", TRADER), ("holder", TRADER), ("date", TODAY), ("transfer", None), ("code", "C-9")],
)
def test_a_lot_that_quietly_changes_is_found(audited: Audited, field: str, value: object) -> None:
    changed_lot(audited, audited.open, **{field: value})
    assert "lot" in audited.codes()


def test_a_lot_that_nobody_made_or_that_vanished_is_found(audited: Audited) -> None:
    row = audited.world.expect(LOTS, audited.sold)
    audited.tamper(LOTS, LotId(bytes(16)), row=row)
    assert {"lot", "mass-balance"} <= audited.codes()
    audited.tamper(LOTS, LotId(bytes(16)), row=None)
    audited.tamper(LOTS, audited.sold, row=None)
    assert {"lot", "mass-balance"} <= audited.codes()


def test_an_exhausted_lot_that_vanished_or_holds_something_is_found(audited: Audited) -> None:
    row = audited.world.expect(LOTS, audited.gone)
    audited.tamper(LOTS, audited.gone, row=None)
    assert audited.codes() == {"exhausted-lots"}
    parcel = Parcel(
        origin=f"mine/{PIT}", status=QuotaStatus.UNDEBITED, grams=((Element.CE, Grams(1)),)
    )
    audited.tamper(LOTS, audited.gone, row=msgspec.structs.replace(row, parcels=(parcel,)))
    assert audited.codes() == {"lot-parcels", "mass-balance"}


def test_parcels_out_of_order_or_empty_are_found(audited: Audited) -> None:
    row = audited.world.expect(LOTS, audited.sold)
    (parcel,) = row.parcels
    backwards = msgspec.structs.replace(parcel, grams=tuple(reversed(parcel.grams)))
    changed_lot(audited, audited.sold, parcels=(backwards,))
    assert audited.codes() == {"lot-parcels"}
    empty = msgspec.structs.replace(parcel, grams=((Element.SC, Grams(0)), *parcel.grams))
    changed_lot(audited, audited.sold, parcels=(empty,))
    assert "lot-parcels" in audited.codes()


def test_a_quota_account_that_was_touched_up_is_found(audited: Audited) -> None:
    row: QuotaRow = audited.world.expect(QUOTAS, 2024, BUCKET, MINE)
    for field in ("used", "granted"):
        better = msgspec.structs.replace(row, **{field: getattr(row, field) - 1})
        audited.tamper(QUOTAS, 2024, BUCKET, MINE, row=better)
        assert audited.codes() == {"quota-account"}
    audited.tamper(QUOTAS, 2024, BUCKET, MINE, row=row)
    audited.tamper(QUOTAS, 2024, BUCKET, TRADER, row=row)
    assert audited.codes() == {"quota-account"}


def test_a_plan_and_a_facilitys_output_that_were_touched_up_are_found(audited: Audited) -> None:
    plan = audited.world.expect(PLANS, 2024, BUCKET)
    audited.tamper(
        PLANS, 2024, BUCKET, row=msgspec.structs.replace(plan, total=Grams(plan.granted - 1))
    )
    produced = audited.world.expect(FACILITY_YEARS, PIT, 2024)
    audited.tamper(
        FACILITY_YEARS, PIT, 2024,
        row=msgspec.structs.replace(produced, produced=Grams(produced.produced - 1)),
    )  # fmt: skip
    assert audited.codes() == {"plan", "facility-year"}


def test_a_loss_that_was_touched_up_is_found(audited: Audited) -> None:
    loss: LossRow = audited.world.expect(LOSSES, 2024, BUYER)
    audited.tamper(
        LOSSES, 2024, BUYER, row=msgspec.structs.replace(loss, gross=Grams(loss.gross + 1))
    )
    assert audited.codes() == {"transit-loss"}
    audited.tamper(LOSSES, 2024, BUYER, row=None)
    assert audited.codes() == {"transit-loss", "mass-balance"}


def test_codes_and_invoices_that_were_touched_up_are_found(audited: Audited) -> None:
    code = (int(ExternalNumberKind.CONTAINER_CODE), MINE, "C-2")
    row: ExternalNumberRow = audited.world.expect(EXTERNAL_NUMBERS, *code)
    audited.tamper(EXTERNAL_NUMBERS, *code, row=msgspec.structs.replace(row, lot=audited.sold))
    assert audited.codes() == {"container-code"}
    audited.tamper(EXTERNAL_NUMBERS, *code, row=row)
    lot = mined(audited.world, code="C-5", gross=Grams(1_000), elements=((Element.CE, Grams(500)),))
    audited.book = Ledgerbook(audited.world.store)
    audited.apply(MINE, offer(lot, invoice="INV-9"))
    invoice = (int(ExternalNumberKind.INVOICE), MINE, "INV-9")
    bound = audited.world.expect(EXTERNAL_NUMBERS, *invoice)
    other = msgspec.structs.replace(bound, counterparty=TRADER)
    audited.tamper(EXTERNAL_NUMBERS, *invoice, row=other)
    assert audited.codes() == {"number"}


def test_a_month_a_member_and_a_key_that_were_touched_up_are_found(audited: Audited) -> None:
    month = audited.world.expect(MEMBER_MONTHS, BUYER, 202403)
    audited.tamper(
        MEMBER_MONTHS, BUYER, 202403, row=msgspec.structs.replace(month, count=month.count - 1)
    )
    assert audited.codes() == {"member-month"}
    audited.tamper(MEMBER_MONTHS, BUYER, 202403, row=month)
    member = audited.world.expect(MEMBERS, MINE)
    audited.tamper(
        MEMBERS, MINE, row=msgspec.structs.replace(member, status=MemberStatus.SUSPENDED)
    )
    public = key_of(MINE, Role.OPERATOR)
    key = audited.world.expect(KEYS, public)
    audited.tamper(KEYS, public, row=msgspec.structs.replace(key, revoked_ms=TimeMs(1)))
    assert audited.codes() == {"author", "key"}


FORGERIES: dict[str, tuple[str, Callable[[Audited], list[Record]], str]] = {
    "over quota": (
        MINE,
        lambda _: [output(code="C-9", gross=Grams(2 * GRANTED), elements=((Element.CE, Grams(GRANTED)),))],
        "quota-overdrawn",
    ),
    "mine of another": (OTHER_MINE, lambda _: [output(code="C-9")], "origin-unknown"),
    "code twice": (MINE, lambda _: [output(code="C-2")], "container-code"),
    "sold twice": (MINE, lambda a: [offer(a.open, buyer=TRADER)], "double-transfer"),
    "lot of another": (MINE, lambda a: [offer(a.sold, date=TODAY)], "not-entitled"),
    "part of another": (TRADER, lambda a: [offer_part(a.sold, 5)], "not-entitled"),
    "used up": (MINE, lambda a: [offer(a.gone)], "lot-unknown"),
    "return to a stranger": (
        BUYER, lambda a: [offer(a.sold, buyer=TRADER, purpose=Purpose.RETURN)], "not-entitled",
    ),
    "toll of another's": (
        MINE, lambda a: [offer(a.sold, buyer=TRADER, purpose=Purpose.TOLL)], "not-entitled",
    ),
    "accepted by a stranger": (TRADER, lambda a: [accept(a.open, a.transfer)], "not-entitled"),
    "rejected by the seller": (MINE, lambda a: [reject(a.open, a.transfer)], "not-entitled"),
    "cancelled by the buyer": (BUYER, lambda a: [cancel(a.open, a.transfer)], "not-entitled"),
    "answered in vain": (BUYER, lambda a: [accept(a.sold, a.transfer)], "double-transfer"),
    "split of an offered lot": (MINE, lambda a: [split(a.open, 500_000, 500_000)], "not-entitled"),
    "split that grows": (BUYER, lambda a: [split(a.sold, 500_000, 500_000)], "lot"),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_block_that_breaks_a_rule_is_found_whatever_the_rules_say(
    audited: Audited, forgery: str
) -> None:
    author, records, code = FORGERIES[forgery]
    assert code in audited.pretend(author, *records(audited))


def test_a_key_that_is_unknown_revoked_or_of_the_wrong_role_is_found(audited: Audited) -> None:
    record = output(code="C-9", gross=Grams(1_000), elements=((Element.CE, Grams(500)),))
    assert "key" in audited.pretend("nobody", record)
    assert "author" in audited.pretend(
        MINE, msgspec.structs.replace(record, code="C-8"), role=Role.FILING
    )


def test_a_suspended_author_is_found(audited: Audited) -> None:
    suspend(audited.world, MINE)
    audited.book = Ledgerbook(audited.world.store)
    record = output(code="C-9", gross=Grams(1_000), elements=((Element.CE, Grams(500)),))
    assert "author" in audited.pretend(MINE, record)


def test_a_missing_block_is_found(audited: Audited) -> None:
    audited.world.apply(MINE, cancel(audited.open, audited.transfer))
    height = type(audited.world.height)(audited.world.height + 1)
    audited.book.observe(height, audited.world.time_ms, ())
    assert {"height", "lot", "member-month"} <= audited.codes()


class _NewRecord(Record, frozen=True, array_like=True, tag=9_999):
    """A record type that the books were not told about."""


def test_a_record_type_that_the_books_do_not_know_is_found(audited: Audited) -> None:
    transaction = audited.world.transaction(MINE, output(code="C-9"))
    transaction.records = (_NewRecord(),)
    height = type(audited.world.height)(audited.book.height + 1)
    audited.book.observe(height, audited.world.time_ms, (transaction,))
    assert "record-unknown" in audited.codes()


def test_every_record_type_is_known_to_the_books(audited: Audited) -> None:
    assert {rule.record for rule in RULES} == set(audited.book.known_records)


def test_findings_do_not_pile_up_without_end(audited: Audited) -> None:
    for _ in range(FINDINGS_MAX + 5):
        audited.book.observe(audited.book.height, audited.world.time_ms, ())
    assert len(audited.findings()) == FINDINGS_MAX
    assert audited.book.suppressed == 5


def test_findings_are_handed_out_once(audited: Audited) -> None:
    audited.book.observe(audited.book.height, audited.world.time_ms, ())
    assert audited.codes() == {"height"}
    height = type(audited.world.height)(audited.world.height)
    assert audited.book.height == height
    assert audited.findings() == []


def test_an_empty_store_has_no_books() -> None:
    with pytest.raises(NoStateError):
        Ledgerbook(MemoryStore())


def test_toll_and_part_are_followed(audited: Audited) -> None:
    lot = lot_of(audited.apply(OTHER_MINE, output(
        facility="pit-b", product="ORE-ION", elements=((Element.Y, Grams(500_000)),)
    )))  # fmt: skip
    transaction = audited.apply(
        OTHER_MINE, offer_part(lot, 333_333, purpose=Purpose.TOLL, invoice="")
    )
    part = lot_of(transaction)
    audited.apply(BUYER, accept(part, transfer_of(transaction), received_gross=Grams(333_000)))
    assert audited.codes() == set()
    back = audited.apply(
        BUYER, offer(part, buyer=OTHER_MINE, purpose=Purpose.RETURN, invoice="", date=TODAY)
    )
    audited.apply(OTHER_MINE, reject(part, transfer_of(back), date=TODAY))
    assert audited.codes() == set()
    assert audited.book.books.lots.lots[part].holder == MemberId(BUYER)
