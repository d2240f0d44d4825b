"""CSV files as clerks write them: valid unless a test breaks one cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from client.importing.columns import COLUMNS, SheetKind
from ledger.wire.hashing import plain_digest

ASSAY = plain_digest(b"assay").hex()

DEFAULTS: dict[SheetKind, dict[str, str]] = {
    SheetKind.OUTPUTS: {
        "period_from": "2024-03-01",
        "period_to": "2024-03-20",
        "facility": "pit-a",
        "product": "ORE-MIX",
        "code": "BOX-1",
        "gross_g": "100000",
        "La_g": "12500",
        "Ce_g": "25000",
        "Pr_g": "2500",
        "Nd_g": "10000",
        "assay_digest": ASSAY,
    },
    SheetKind.SPLITS: {
        "date": "2024-03-21",
        "lot": "mine-a/BOX-1",
        "codes": "BAG-1;BAG-2",
        "gross_g": "60000;40000",
    },
    SheetKind.OFFERS: {
        "date": "2024-03-22",
        "lot": "mine-a/BOX-1",
        "part_gross_g": "",
        "part_code": "",
        "buyer": "separator-c",
        "purpose": "sale",
        "invoice": "INV-1",
        "terms_digest": "",
    },
    SheetKind.RECEIPTS: {
        "date": "2024-03-25",
        "seller": "mine-a",
        "invoice": "INV-1",
        "lot": "mine-a/BOX-1",
        "received_gross_g": "100000",
        "place": "separator-c-plant",
        "seals": "S1;S2",
    },
    SheetKind.REJECTIONS: {
        "date": "2024-03-25",
        "seller": "mine-a",
        "invoice": "INV-1",
        "lot": "mine-a/BOX-1",
        "reason": "seals broken on arrival",
    },
    SheetKind.CANCELLATIONS: {
        "date": "2024-03-23",
        "lot": "mine-a/BOX-1",
        "invoice": "INV-1",
        "reason": "no wagon",
    },
}


def sheet_text(kind: SheetKind, *rows: dict[str, str]) -> str:
    """Return a file with one row for each change of the valid row."""
    columns = COLUMNS[kind]
    return csv_text(
        columns, [[{**DEFAULTS[kind], **row}.get(name, "") for name in columns] for row in rows]
    )


def csv_text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def write_sheet(directory: Path, kind: SheetKind, *rows: dict[str, str], name: str = "") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / (name or f"{kind.value}.csv")
    path.write_bytes(sheet_text(kind, *rows).encode())
    return path
