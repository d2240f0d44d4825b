"""``DeclareExcess``: a mine has produced more than its quota, and says so.

Over-production that did happen must be able to enter: refusing it would only drive it off the ledger. The
record says the same as ``MineOutput`` and is checked in the same way, except that the account may fall below
zero: what is missing becomes a debt (``quota_account``), and the lot is held with the case ``excess``
until the ministry releases it. An output that the account can pay is a ``MineOutput``, not this.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ledger import civil
from ledger.records.content_rules import SomeElementsField
from ledger.records.mine_output import BUCKET_OF_ORE, MineOutput, enter_output, mine_of_author
from ledger.records.quota_account import account_of, debit_into_debt, owed
from ledger.records.record import Context, Record
from ledger.refusal import RefusalCode
from ledger.state.rows import Hold
from ledger.wire.scalars import (
    CivilDateField,
    CodeField,
    DigestField,
    FacilityIdField,
    LotGramsField,
    ProductCodeField,
)

EXCESS_CASE: Final = "excess"


class DeclareExcess(Record, frozen=True, array_like=True, tag=32):
    """Enter what ``facility`` produced beyond its owner's quota; fields as in ``MineOutput``."""

    facility: FacilityIdField
    period_from: CivilDateField
    period_to: CivilDateField
    """The claimed date."""
    product: ProductCodeField
    code: CodeField
    gross: LotGramsField
    elements: SomeElementsField
    assay_digest: DigestField


def apply_declare_excess(context: Context, record: DeclareExcess) -> None:
    """Apply; refused for whatever refuses an output, and when the quota is enough."""
    output = MineOutput(*msgspec.structs.astuple(record))
    facility = mine_of_author(context, output)
    bucket = BUCKET_OF_ORE[facility.ore_kind]
    year = civil.year_of(record.period_to)
    reo = sum(grams for _element, grams in record.elements)
    left = account_of(context, year, bucket, context.author).left
    if reo <= left and not owed(context, bucket, context.author):
        context.refuse(
            RefusalCode.NO_EXCESS,
            f"{reo:,} g of oxide are within the {left:,} g left of the quota, nothing exceeds it; "
            "enter a MineOutput.",
            field="elements",
            asked=reo,
            left=left,
        )
    enter_output(context, output, facility, holds=(Hold(case=EXCESS_CASE),))
    debit_into_debt(context, year, bucket, context.author, reo, field="elements")
