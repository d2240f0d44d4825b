"""All record types: the dispatch from a record to its rule.

A record type is one file of this package and one line of ``RULES``: the type, its rule, its work units
(about ten microseconds each, the most that applying it may cost), and whether a suspended author
may still write it. CONTRIBUTING.md says step by step how one is added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, Union

import msgspec

from ledger.records.accept_transfer import AcceptTransfer, apply_accept_transfer
from ledger.records.add_key import AddKey, apply_add_key
from ledger.records.admit_member import AdmitMember, apply_admit_member
from ledger.records.advance_quota import AdvanceQuota, apply_advance_quota
from ledger.records.amend_plan import AmendPlan, apply_amend_plan
from ledger.records.assay import Assay, apply_assay
from ledger.records.ballot import Ballot, apply_ballot
from ledger.records.campaign import Campaign, apply_campaign, campaign_units
from ledger.records.cancel_transfer import CancelTransfer, apply_cancel_transfer
from ledger.records.consume import Consume, apply_consume
from ledger.records.correct import Correct, apply_correct
from ledger.records.cut_quota import CutQuota, apply_cut_quota
from ledger.records.declare_excess import DeclareExcess, apply_declare_excess
from ledger.records.define_product import DefineProduct, apply_define_product
from ledger.records.export_lot import ExportLot, apply_export_lot
from ledger.records.file_month import FileMonth, apply_file_month
from ledger.records.found_lot import FoundLot, apply_found_lot
from ledger.records.grant_export_licence import GrantExportLicence, apply_grant_export_licence
from ledger.records.grant_quota import GrantQuota, apply_grant_quota
from ledger.records.hold_lot import HoldLot, apply_hold_lot
from ledger.records.import_lot import ImportLot, apply_import_lot
from ledger.records.incident import Incident, apply_incident
from ledger.records.inspect_site import Inspect, apply_inspect
from ledger.records.merge_lots import MergeLots, apply_merge_lots, merge_units
from ledger.records.mine_output import MineOutput, apply_mine_output
from ledger.records.move_lot import MoveLot, apply_move_lot
from ledger.records.offer_transfer import OfferTransfer, apply_offer_transfer
from ledger.records.opening_stock import OpeningStock, apply_opening_stock
from ledger.records.penalise import Penalise, apply_penalise
from ledger.records.pending import (
    PENDING_UNITS_MAX,
    Approve,
    AwaitApproval,
    apply_approve,
    apply_await_approval,
)
from ledger.records.propose import Propose, apply_propose
from ledger.records.record import Context, Record
from ledger.records.register_facility import RegisterFacility, apply_register_facility
from ledger.records.reinstate_member import ReinstateMember, apply_reinstate_member
from ledger.records.reject_transfer import RejectTransfer, apply_reject_transfer
from ledger.records.relabel import Relabel, apply_relabel
from ledger.records.release_lot import ReleaseLot, apply_release_lot
from ledger.records.release_reserve import ReleaseReserve, apply_release_reserve
from ledger.records.report_lot import ReportLot, apply_report_lot
from ledger.records.restate import Restate, apply_restate
from ledger.records.revoke_key import RevokeKey, apply_revoke_key
from ledger.records.scrap_intake import ScrapIntake, apply_scrap_intake
from ledger.records.seize_lot import SeizeLot, apply_seize_lot
from ledger.records.set_plan import SetPlan, apply_set_plan
from ledger.records.settle_dispute import SettleDispute, apply_settle_dispute
from ledger.records.split_lot import SplitLot, apply_split_lot, split_units
from ledger.records.split_quota import SplitQuota, apply_split_quota
from ledger.records.stock_take import StockTake, apply_stock_take
from ledger.records.succeed import Succeed, apply_succeed
from ledger.records.suspend_member import SuspendMember, apply_suspend_member
from ledger.records.to_reserve import ToReserve, apply_to_reserve
from ledger.records.update_member import UpdateMember, apply_update_member
from ledger.records.write_off import WriteOff, apply_write_off
from ledger.refusal import RefusalCode
from ledger.wire.codec import decode
from ledger.wire.errors import WireError
from ledger.wire.scalars import RECORD_BYTES_MAX

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Rule(Generic[R]):
    """How one record type is applied."""

    record: type[R]
    apply: Callable[[Context, R], None]
    work_units: int
    while_suspended: bool = False
    units_of: Callable[[R], int] | None = None
    """Work units of one record, where its size makes the difference; at most ``work_units``."""


def _run_pending(context: Context, data: bytes) -> None:
    """Apply a record that several parties sign one after the other, or refuse."""
    try:
        record = decode_record(data)
    except WireError as error:
        context.refuse(
            RefusalCode.FIELD_INVALID, f"these are the bytes of no record: {error}.", field="record"
        )
    units = work_units_of(record)
    if isinstance(record, AwaitApproval | Approve | Propose | Ballot) or units > PENDING_UNITS_MAX:
        context.refuse(
            RefusalCode.FIELD_INVALID,
            f"{name_of(record)} of {units} work units does not wait for approvals (at most "
            f"{PENDING_UNITS_MAX}, and no ballots); it carries all its signatures.",
            field="record",
            units=units,
            most=PENDING_UNITS_MAX,
        )
    rule_of(record).apply(context, record)


def _apply_await_approval(context: Context, record: AwaitApproval) -> None:
    apply_await_approval(context, record, _run_pending)


def _apply_approve(context: Context, record: Approve) -> None:
    apply_approve(context, record, _run_pending)


RULES: Final[tuple[Rule[Any], ...]] = (
    Rule(AdmitMember, apply_admit_member, 240),
    Rule(SuspendMember, apply_suspend_member, 4),
    Rule(UpdateMember, apply_update_member, 120),
    Rule(ReinstateMember, apply_reinstate_member, 4),
    Rule(Succeed, apply_succeed, 120),
    Rule(AddKey, apply_add_key, 12),
    Rule(RevokeKey, apply_revoke_key, 8),
    Rule(RegisterFacility, apply_register_facility, 8),
    Rule(DefineProduct, apply_define_product, 8),
    Rule(SetPlan, apply_set_plan, 4),
    Rule(GrantQuota, apply_grant_quota, 8),
    Rule(AmendPlan, apply_amend_plan, 4),
    Rule(AdvanceQuota, apply_advance_quota, 8),
    Rule(SplitQuota, apply_split_quota, 12),
    Rule(CutQuota, apply_cut_quota, 120),
    Rule(MineOutput, apply_mine_output, 12),
    Rule(SplitLot, apply_split_lot, 7_380, units_of=split_units),
    Rule(OfferTransfer, apply_offer_transfer, 12),
    Rule(Propose, apply_propose, 60, while_suspended=True),
    Rule(Ballot, apply_ballot, 60, while_suspended=True),
    Rule(AwaitApproval, _apply_await_approval, PENDING_UNITS_MAX + 10),
    Rule(Approve, _apply_approve, PENDING_UNITS_MAX + 10),
    Rule(AcceptTransfer, apply_accept_transfer, 12, while_suspended=True),
    Rule(RejectTransfer, apply_reject_transfer, 8, while_suspended=True),
    Rule(CancelTransfer, apply_cancel_transfer, 8),
    Rule(SettleDispute, apply_settle_dispute, 30),
    Rule(FileMonth, apply_file_month, 60, while_suspended=True),
    Rule(GrantExportLicence, apply_grant_export_licence, 6),
    Rule(ExportLot, apply_export_lot, 16),
    Rule(Consume, apply_consume, 12),
    Rule(WriteOff, apply_write_off, 14),
    Rule(Incident, apply_incident, 14),
    Rule(Correct, apply_correct, 280, while_suspended=True),
    Rule(Inspect, apply_inspect, 6),
    Rule(Penalise, apply_penalise, 4),
    Rule(ReportLot, apply_report_lot, 8),
    Rule(ToReserve, apply_to_reserve, 10),
    Rule(ReleaseReserve, apply_release_reserve, 10),
    Rule(FoundLot, apply_found_lot, 12),
    Rule(StockTake, apply_stock_take, 80),
    Rule(HoldLot, apply_hold_lot, 8),
    Rule(ReleaseLot, apply_release_lot, 8),
    Rule(SeizeLot, apply_seize_lot, 10),
    Rule(ImportLot, apply_import_lot, 12),
    Rule(ScrapIntake, apply_scrap_intake, 12),
    Rule(MergeLots, apply_merge_lots, 9_620, units_of=merge_units),
    Rule(Campaign, apply_campaign, 18_020, units_of=campaign_units),
    Rule(OpeningStock, apply_opening_stock, 260),
    Rule(DeclareExcess, apply_declare_excess, 16),
    Rule(Relabel, apply_relabel, 8),
    Rule(MoveLot, apply_move_lot, 8),
    Rule(Restate, apply_restate, 120),
    Rule(Assay, apply_assay, 40),
)

_RULE_OF: Final[dict[type[Record], Rule[Any]]] = {rule.record: rule for rule in RULES}
_AnyRecord: Any = Union[tuple(rule.record for rule in RULES)]  # noqa: UP007 - built from the table


def decode_record(data: bytes) -> Record:
    """Decode one record of any type.

    Raises:
        WireError: Unknown type, not canonical, or over a limit.
    """
    record: Record = decode(_AnyRecord, data, limit=RECORD_BYTES_MAX)
    return record


def rule_of(record: Record) -> Rule[Any]:
    """Return the rule of a record's type."""
    return _RULE_OF[type(record)]


def work_units_of(record: Record) -> int:
    """Return the most that applying ``record`` may cost, in work units."""
    rule = _RULE_OF[type(record)]
    return rule.work_units if rule.units_of is None else rule.units_of(record)


def name_of(record: Record) -> str:
    """Return the name of a record's type, as people know it."""
    return type(record).__name__


def fields_of(record: Record) -> dict[str, Any]:
    """Return the fields of a record by name, for display."""
    return msgspec.structs.asdict(record)
