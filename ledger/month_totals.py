"""Running totals of a member's month: what its records did to the goods that lie with it (D17).

They are kept as records apply, in the row of the member's month, so that a filing is compared with a few
numbers and never with history. They count gross grams by product, for the *holder*: goods under toll or
consignment are in the totals of who has them. A record's flows follow from the lots that it changes:

* a lot that changes its holder is ``outgoing`` for the one and ``incoming`` for the other, as sent; what was
  missing on arrival is ``lost`` with the receiver;
* everything else counts net, by holder, product and record: what appeared as ``produced`` (``incoming`` when
  it came from outside), what went away as ``consumed`` (``outgoing`` or ``lost`` for records that say so).
  Dividing and merging come to nothing;
* an offer by who holds the lot is *in transit* until it is answered; it is part of the closing all the same.

Flows count in the month in which the record counts for that member. ``opening + incoming + produced =
consumed + outgoing + lost + closing`` for each product; the opening is carried over when the month before is
filed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ledger.state.rows import FilingRow, MemberMonthRow, ProductTotals
from ledger.wire.scalars import Digest, Grams, ProductCode, TimeMs

EMPTY_MONTH: Final = MemberMonthRow(count=0, digest=Digest(bytes(32)), filed_ms=TimeMs(0))
"""A month without records; it has no row."""
NOTHING_FILED: Final = FilingRow(first_month=0, filed_through=0)
"""A member that has neither moved goods nor filed; it has no row."""
Totals = tuple[ProductTotals, ...]
"""By ascending product code."""


def no_totals(product: ProductCode) -> ProductTotals:
    """Return the totals of a product that has not moved."""
    zero = Grams(0)
    return ProductTotals(
        product=product,
        opening=zero,
        incoming=zero,
        produced=zero,
        consumed=zero,
        outgoing=zero,
        lost=zero,
        transit_opening=zero,
        transit_change=0,
    )


def carried(totals: Totals) -> Totals:
    """Return the totals with which the month after a filed one opens."""
    return tuple(
        msgspec.structs.replace(
            no_totals(entry.product),
            opening=entry.closing,
            transit_opening=entry.in_transit,
        )
        for entry in totals
        if entry.closing or entry.in_transit
    )


def opened(totals: Totals, opening: Totals) -> Totals:
    """Return the totals of a month, which may have flows already, with what it opens with."""
    by_product = {entry.product: entry for entry in totals}
    for entry in opening:
        known = by_product.get(entry.product) or entry
        by_product[entry.product] = msgspec.structs.replace(
            known, opening=entry.opening, transit_opening=entry.transit_opening
        )
    return tuple(by_product[product] for product in sorted(by_product))
