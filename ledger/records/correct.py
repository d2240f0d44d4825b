"""``Correct``: what a filed month may still learn, in the open and with every signature that it needed.

Nothing is edited (D15). A correction is a new record that points at the old one or brings a forgotten one,
and works as a delta on the balances of *today*, which must stay legal. There are two kinds:

**An output that was entered wrongly.** The correction names a ``MineOutput`` and shows it: the record with
its salted path to the transaction id, so that nobody walks history to find what it said (D17). Its lot, which
is known by the record's name, must still lie free with the author. Gross and grams per element change by the
deltas; the lot must stay what its product may be; more oxide is debited to the account of the output's own
quota year, less is given back to it; the mine's yearly production follows. Gross that was too much counts as
lost in the month, gross that was too little as produced.

**A forgotten record.** The correction carries a record of one of the types in ``FORGETTABLE``. Its own rule
applies it, with everything that it refuses, except that the claimed date may lie in a month that the author
has filed. Whoever must sign that record must sign the correction. A suspended author brings nothing that it
could not write otherwise.

For both: every signature that the target needs. From the deadline of the claimed month on, filed or not, the
ministry signs too, and the authorities are alerted. On a record of the ministry another authority signs.
Holds, seizures, keys, suspensions, penalties and governance are in neither list: they are never corrected,
only superseded. A received quantity is corrected by what follows from it: a later write-off, a restatement,
or a settlement. A filed month's totals do not change; the correction counts in the month of its block.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from ledger import civil
from ledger.filing_deadlines import deadline_of
from ledger.quantity import canonical, reo_of
from ledger.records.accept_transfer import AcceptTransfer, apply_accept_transfer
from ledger.records.consume import Consume, apply_consume
from ledger.records.export_lot import ExportLot, apply_export_lot
from ledger.records.incident import Incident, apply_incident
from ledger.records.lot_rules import (
    ReasonField,
    change_lot,
    check_free,
    check_owned_and_held,
    live_lot,
)
from ledger.records.mine_output import BUCKET_OF_ORE, MineOutput, apply_mine_output
from ledger.records.offer_transfer import OfferTransfer, apply_offer_transfer
from ledger.records.quota_account import account_of, debit, write_credited
from ledger.records.record import Context, Record
from ledger.records.settle_dispute import SettleDispute, apply_settle_dispute
from ledger.records.sink_rules import OptionalMemberField, require_authority
from ledger.records.split_lot import SplitLot, apply_split_lot
from ledger.records.write_off import WriteOff, apply_write_off
from ledger.refusal import RefusalCode
from ledger.state.rows import FacilityYearRow, LotRow, Parcel, SignedGramsField
from ledger.state.tables import FACILITIES, FACILITY_YEARS, PRODUCT_VERSIONS
from ledger.vocabulary import Element, MemberStatus, QuotaStatus, Role
from ledger.wire.codec import WireStruct, decode
from ledger.wire.errors import WireError
from ledger.wire.merkle import ProofError, root_from_inclusion_path
from ledger.wire.scalars import (
    LOT_GRAMS_MAX,
    CivilDate,
    CountField,
    DigestField,
    Grams,
    MemberId,
    MerklePathField,
    TxIdField,
)
from ledger.wire.transaction import (
    RecordBytes,
    TransactionHead,
    lot_id_of,
    record_leaf,
    tx_id_from_head,
)

ALERT_LATE_CORRECTION: Final = "corrected-after-deadline"
ForgottenBytes = Annotated[bytes, Meta(min_length=1, max_length=32 * 1024)]
FORGETTABLE: Final[dict[type[Record], Callable[[Context, Any], None]]] = {
    MineOutput: apply_mine_output,
    SplitLot: apply_split_lot,
    OfferTransfer: apply_offer_transfer,
    AcceptTransfer: apply_accept_transfer,
    SettleDispute: apply_settle_dispute,
    ExportLot: apply_export_lot,
    Consume: apply_consume,
    WriteOff: apply_write_off,
    Incident: apply_incident,
}
"""What a correction may bring after its month was filed, with the rules that apply it."""
_Forgettable: Any = (
    MineOutput
    | SplitLot
    | OfferTransfer
    | AcceptTransfer
    | SettleDispute
    | ExportLot
    | Consume
    | WriteOff
    | Incident
)


class ShownRecord(WireStruct, frozen=True, array_like=True):
    """A record that stands on the ledger, with its path to the transaction id."""

    tx_id: TxIdField
    index: CountField
    head: TransactionHead
    salt: DigestField
    record: RecordBytes
    path: MerklePathField


class OutputDelta(WireStruct, frozen=True, array_like=True):
    """By how much an output was entered wrongly."""

    target: ShownRecord
    gross: SignedGramsField
    elements: Annotated[tuple[tuple[Element, SignedGramsField], ...], Meta(max_length=16)]
    """Grams of oxide per element to add, by ascending atomic number, none of them zero."""


class Correct(Record, frozen=True, array_like=True, tag=71):
    """Correct an output, or bring a forgotten record; exactly one of the two."""

    reason: ReasonField
    output: OutputDelta | None
    forgotten: ForgottenBytes | None
    """Canonical bytes of the record."""
    authority: OptionalMemberField
    """The authority that signs for a correction of the ministry's; empty for everybody else's."""


def apply_correct(context: Context, record: Correct) -> None:
    """Apply; refused unless the target can be corrected and everybody signs whom it needs."""
    _require_second_authority(context, record)
    if (record.output is None) == (record.forgotten is None):
        context.refuse(
            RefusalCode.FIELD_INVALID,
            "a correction changes an output or brings a forgotten record, exactly one of the two.",
            field="output",
        )
    if record.output is not None:
        date = _correct_output(context, record.output)
    else:
        date = _enter_forgotten(context, record.forgotten or b"")
    _require_ministry_when_late(context, date)


def _require_second_authority(context: Context, record: Correct) -> None:
    """Ask for another authority when the ministry corrects; nobody corrects with less."""
    is_ministry = context.author == context.parameters.ministry
    if is_ministry != bool(record.authority) or record.authority == context.author:
        context.refuse(
            RefusalCode.AUTHORITY_NEEDED,
            f"another authority signs a correction of {context.parameters.ministry}, and only that; "
            f"the author is {context.author}, the authority {record.authority or '(none)'}.",
            field="authority",
        )
    if is_ministry:
        require_authority(context, record.authority)


def _require_ministry_when_late(context: Context, date: CivilDate) -> None:
    month = civil.month_of(date)
    deadline_ms = deadline_of(month, context.parameters)
    if context.time_ms < deadline_ms:
        return
    ministry = context.parameters.ministry
    context.require(ministry, Role.OPERATOR)
    if ministry != context.author:
        context.touch(ministry)
    context.alert(
        ALERT_LATE_CORRECTION,
        context.author,
        f"{context.author} corrects {month} at {context.time_ms} ms, after its deadline of "
        f"{deadline_ms} ms.",
        month=month,
        deadline_ms=deadline_ms,
        late_ms=context.time_ms - deadline_ms,
    )


def _enter_forgotten(context: Context, data: bytes) -> CivilDate:
    """Apply the record that was forgotten and return its claimed date."""
    try:
        forgotten: Record = decode(_Forgettable, data, limit=len(data))
    except WireError as error:
        context.refuse(
            RefusalCode.NOT_CORRECTABLE,
            f"the forgotten record is none that a correction can bring: {error}.",
            field="forgotten",
        )
    author = context.member(context.author, field="author")
    if author.status is not MemberStatus.ACTIVE and not isinstance(forgotten, AcceptTransfer):
        context.refuse(
            RefusalCode.AUTHOR_SUSPENDED,
            f"{context.author} is suspended ({author.status_reason}) and cannot bring a forgotten "
            f"{type(forgotten).__name__}.",
            field="forgotten",
            author=context.author,
        )
    context.is_correcting = True
    FORGETTABLE[type(forgotten)](context, forgotten)
    context.is_correcting = False
    if isinstance(forgotten, MineOutput):
        return forgotten.period_to
    date: CivilDate = getattr(forgotten, "date")  # noqa: B009 - every other type has one
    return date


def _correct_output(context: Context, delta: OutputDelta) -> CivilDate:
    """Change the lot, the account and the mine's year by the deltas; return the output's date."""
    context.require(context.author, Role.OPERATOR)
    context.count_flows(drop="lost")
    original = _shown_output(context, delta.target)
    lot_id = lot_id_of(delta.target.tx_id, delta.target.index, 0)
    lot = live_lot(context, lot_id, field="output")
    check_owned_and_held(context, lot_id, lot, "correct")
    check_free(context, lot_id, lot)
    _check_deltas(context, delta)
    after = _changed_lot(context, original, delta, lot)
    change_lot(context, lot_id, lot, after)
    reo = sum(grams for _element, grams in delta.elements)
    _correct_account(context, original, reo)
    context.touch(context.author, original.period_to)
    return original.period_to


def _shown_output(context: Context, target: ShownRecord) -> MineOutput:
    """Return the output that the correction shows, or refuse what does not lead to its transaction."""
    try:
        root = root_from_inclusion_path(
            record_leaf(target.salt, target.record),
            target.index,
            target.head.record_count,
            target.path,
        )
        is_shown = tx_id_from_head(target.head, root) == target.tx_id
    except ProofError:
        is_shown = False
    if not is_shown or target.head.author != context.author:
        context.refuse(
            RefusalCode.TARGET_UNKNOWN,
            f"record {target.index} of transaction {target.tx_id.hex()} is not what is shown, or not "
            f"one of {context.author}.",
            field="output",
            transaction=target.tx_id.hex(),
        )
    try:
        return decode(MineOutput, target.record, limit=len(target.record))
    except WireError as error:
        context.refuse(
            RefusalCode.NOT_CORRECTABLE,
            f"quantities of outputs are corrected, and of nothing else: {error}.",
            field="output",
        )


def _check_deltas(context: Context, delta: OutputDelta) -> None:
    for (before, _), (after, _) in itertools.pairwise(delta.elements):
        if before >= after:
            context.refuse(
                RefusalCode.COMPOSITION_INVALID,
                f"elements stand once each by ascending atomic number, {after.symbol} stands after "
                f"{before.symbol}.",
                field="output",
            )
    if not (delta.gross or delta.elements) or any(not grams for _element, grams in delta.elements):
        context.refuse(
            RefusalCode.FIELD_INVALID, "a delta of nothing corrects nothing.", field="output"
        )


def _changed_lot(context: Context, original: MineOutput, delta: OutputDelta, lot: LotRow) -> LotRow:
    """Return the lot with the deltas, or refuse when it would be what it cannot be."""
    origin, status = f"mine/{original.facility}", QuotaStatus.UNDEBITED
    cells: dict[Element, int] = {}
    others: list[Parcel] = []
    for parcel in lot.parcels:
        if (parcel.origin, parcel.status) == (origin, status):
            cells = dict(parcel.grams)
        else:
            others.append(parcel)
    for element, grams in delta.elements:
        cells[element] = cells.get(element, 0) + grams
    gross = lot.gross + delta.gross
    for what, left in (("gross", gross - 1), *((e.symbol, grams) for e, grams in cells.items())):
        if left < 0 or left > LOT_GRAMS_MAX:
            context.refuse(
                RefusalCode.CORRECTION_EXCEEDS_LOT,
                f"the lot of this output would be left with {left:,} g too little or too much "
                f"({what}); what has been passed on is corrected where it is.",
                field="output",
                what=what,
                left=left,
            )
    parcel = Parcel(
        origin=origin, status=status, grams=tuple((e, Grams(cells[e])) for e in sorted(cells))
    )
    parcels = canonical((*others, parcel))
    _check_product(context, lot, gross, reo_of(parcels))
    return msgspec.structs.replace(lot, gross=Grams(gross), parcels=parcels)


def _check_product(context: Context, lot: LotRow, gross: int, reo: int) -> None:
    product = context.state.get(PRODUCT_VERSIONS, lot.product, lot.product_version)
    if product is None:
        context.refuse(
            RefusalCode.PRODUCT_UNKNOWN, f"there is no product {lot.product}.", field="output"
        )
    low, high = product.reo_permille_low, product.reo_permille_high
    if not gross * low <= reo * 1_000 <= gross * high or not reo:
        context.refuse(
            RefusalCode.COMPOSITION_INVALID,
            f"{gross:,} g of {lot.product} with {reo:,} g of oxide are outside {low} to {high} per "
            "mille.",
            field="output",
            gross=gross,
            reo=reo,
        )


def _correct_account(context: Context, original: MineOutput, reo: int) -> None:
    """Debit more oxide, or give back less, in the quota year of the output; follow in the mine's year."""
    facility = context.state.get(FACILITIES, original.facility)
    year = civil.year_of(original.period_to)
    produced = context.state.get(FACILITY_YEARS, original.facility, year)
    if facility is None or produced is None:
        context.refuse(
            RefusalCode.FACILITY_UNKNOWN,
            f"facility {original.facility} has produced nothing in {year}.",
            field="output",
        )
    bucket, member = BUCKET_OF_ORE[facility.ore_kind], MemberId(context.author)
    if reo > 0:
        debit(context, year, bucket, member, reo, field="output")
    elif reo < 0:
        account = account_of(context, year, bucket, member)
        if account.used + reo < 0:
            context.refuse(
                RefusalCode.CORRECTION_EXCEEDS_LOT,
                f"{-reo:,} g are more than the {account.used:,} g that {member} has used in {year}.",
                field="output",
                left=account.used + reo,
            )
        credited = msgspec.structs.replace(account, used=Grams(account.used + reo))
        write_credited(context, year, bucket, member, credited, field="output")
    after = FacilityYearRow(produced=Grams(produced.produced + reo))
    context.state.put(FACILITY_YEARS, original.facility, year, row=after)
