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
from ledger.records.cancel_transfer import CancelTransfer, apply_cancel_transfer
from ledger.records.define_product import DefineProduct, apply_define_product
from ledger.records.grant_quota import GrantQuota, apply_grant_quota
from ledger.records.mine_output import MineOutput, apply_mine_output
from ledger.records.offer_transfer import OfferTransfer, apply_offer_transfer
from ledger.records.record import Context, Record
from ledger.records.register_facility import RegisterFacility, apply_register_facility
from ledger.records.reject_transfer import RejectTransfer, apply_reject_transfer
from ledger.records.revoke_key import RevokeKey, apply_revoke_key
from ledger.records.set_plan import SetPlan, apply_set_plan
from ledger.records.split_lot import SplitLot, apply_split_lot
from ledger.records.suspend_member import SuspendMember, apply_suspend_member
from ledger.wire.codec import decode
from ledger.wire.scalars import RECORD_BYTES_MAX

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Rule(Generic[R]):
    """How one record type is applied."""

    record: type[R]
    apply: Callable[[Context, R], None]
    work_units: int
    while_suspended: bool = False


RULES: Final[tuple[Rule[Any], ...]] = (
    Rule(AdmitMember, apply_admit_member, 240),
    Rule(SuspendMember, apply_suspend_member, 4),
    Rule(AddKey, apply_add_key, 12),
    Rule(RevokeKey, apply_revoke_key, 8),
    Rule(RegisterFacility, apply_register_facility, 8),
    Rule(DefineProduct, apply_define_product, 8),
    Rule(SetPlan, apply_set_plan, 4),
    Rule(GrantQuota, apply_grant_quota, 8),
    Rule(MineOutput, apply_mine_output, 12),
    Rule(SplitLot, apply_split_lot, 240),
    Rule(OfferTransfer, apply_offer_transfer, 12),
    Rule(AcceptTransfer, apply_accept_transfer, 12, while_suspended=True),
    Rule(RejectTransfer, apply_reject_transfer, 8, while_suspended=True),
    Rule(CancelTransfer, apply_cancel_transfer, 8),
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
    return _RULE_OF[type(record)].work_units


def name_of(record: Record) -> str:
    """Return the name of a record's type, as people know it."""
    return type(record).__name__


def fields_of(record: Record) -> dict[str, Any]:
    """Return the fields of a record by name, for display."""
    return msgspec.structs.asdict(record)
