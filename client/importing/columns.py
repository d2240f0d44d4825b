"""The six kinds of files, recognised by their header alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from ledger.vocabulary import Element

ELEMENTS: Final = (
    Element.LA,
    Element.CE,
    Element.PR,
    Element.ND,
    Element.SM,
    Element.EU,
    Element.GD,
    Element.TB,
    Element.DY,
    Element.HO,
    Element.ER,
    Element.TM,
    Element.YB,
    Element.LU,
    Element.Y,
    Element.SC,
)
"""The order of the columns of an assay."""


class SheetKind(StrEnum):
    """What the rows of a file are, in the order in which files of one import are worked on.

    Goods come in before they are divided, are divided before they are offered, and an offer exists
    before it is cancelled.
    """

    RECEIPTS = "receipts"
    REJECTIONS = "rejections"
    OUTPUTS = "outputs"
    SPLITS = "splits"
    OFFERS = "offers"
    CANCELLATIONS = "cancellations"


def element_column(element: Element) -> str:
    """Return the column with the oxide of ``element``."""
    return f"{element.symbol}_g"


COLUMNS: Final[Mapping[SheetKind, Sequence[str]]] = {
    SheetKind.OUTPUTS: (
        *("period_from", "period_to", "facility", "product", "code", "gross_g"),
        *map(element_column, ELEMENTS),
        "assay_digest",
    ),
    SheetKind.SPLITS: ("date", "lot", "codes", "gross_g"),
    SheetKind.OFFERS: (
        *("date", "lot", "part_gross_g", "part_code"),
        *("buyer", "purpose", "invoice", "terms_digest"),
    ),
    SheetKind.RECEIPTS: (
        *("date", "seller", "invoice", "lot", "received_gross_g", "place", "seals"),
    ),
    SheetKind.REJECTIONS: ("date", "seller", "invoice", "lot", "reason"),
    SheetKind.CANCELLATIONS: ("date", "lot", "invoice", "reason"),
}

COLUMN_OF_FIELD: Final[Mapping[SheetKind, Mapping[str, str]]] = {
    SheetKind.OUTPUTS: {
        "facility": "facility",
        "period_from": "period_from",
        "period_to": "period_to",
        "product": "product",
        "code": "code",
        "gross": "gross_g",
        "assay_digest": "assay_digest",
    },
    SheetKind.SPLITS: {"lot": "lot", "date": "date", "children": "codes"},
    SheetKind.OFFERS: {
        "lot": "lot",
        "part_gross": "part_gross_g",
        "part_code": "part_code",
        "buyer": "buyer",
        "purpose": "purpose",
        "invoice": "invoice",
        "date": "date",
        "terms": "terms_digest",
    },
    SheetKind.RECEIPTS: {
        "lot": "lot",
        "transfer": "invoice",
        "date": "date",
        "received_gross": "received_gross_g",
        "place": "place",
        "seals": "seals",
    },
    SheetKind.REJECTIONS: {
        "lot": "lot",
        "transfer": "invoice",
        "date": "date",
        "reason": "reason",
    },
    SheetKind.CANCELLATIONS: {
        "lot": "lot",
        "transfer": "invoice",
        "date": "date",
        "reason": "reason",
    },
}
"""The column behind each field of the record that a row becomes, for refusals."""


def column_of(kind: SheetKind, field: str) -> str:
    """Return the column behind a record's field, such as ``children[1].code``; empty when none is."""
    return COLUMN_OF_FIELD[kind].get(field.split("[", 1)[0].split(".", 1)[0], "")
