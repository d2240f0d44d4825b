"""The history as CSV files, as the clerks of its members would have them.

Layout under the directory:

    master/members.csv  facilities.csv  products.csv  plans.csv  grants.csv
    flows/2023-01/1/steppe-lantern-outputs.csv      <month>/<wave>/<member>-<kind>.csv

UTF-8 without a mark, RFC 4180 (comma, CRLF, quotes only where needed), one header row. Days are ISO
8601, masses whole grams, lists joined by semicolons, and a lot is ``creator/code``. Files hold nothing
about when or where they were written: equal histories give equal bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from node.demo.published import ELEMENTS
from node.demo.records import (
    Cancellation,
    DemoHistory,
    Flow,
    Offer,
    Output,
    Receipt,
    Rejection,
    Sheet,
    SheetKind,
    Split,
)

Cell = str | int

FLOW_COLUMNS: Final[dict[SheetKind, tuple[str, ...]]] = {
    "outputs": (
        *("period_from", "period_to", "facility", "product", "code", "gross_g"),
        *(f"{element}_g" for element in ELEMENTS),
        "assay_digest",
    ),
    "splits": ("date", "lot", "codes", "gross_g"),
    "offers": (
        *("date", "lot", "part_gross_g", "part_code"),
        *("buyer", "purpose", "invoice", "terms_digest"),
    ),
    "receipts": ("date", "seller", "invoice", "lot", "received_gross_g", "place", "seals"),
    "rejections": ("date", "seller", "invoice", "lot", "reason"),
    "cancellations": ("date", "lot", "invoice", "reason"),
}
MASTER_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "members": (
        *("id", "name", "kind", "activities", "group", "province", "registration", "licences"),
    ),
    "facilities": (
        *("id", "owner", "activity", "place", "ore_kind", "lines"),
        *("yearly_capacity_g", "process_stock_cap_g", "ore", "licence"),
    ),
    "products": (
        *("code", "name", "class", "elements", "reo_permille_low", "reo_permille_high"),
        *("status", "hs_codes", "ore_kind"),
    ),
    "plans": ("year", "bucket", "total_g", "document_digest", "date"),
    "grants": ("year", "bucket", "batch", "grantee", "grams", "document_digest", "date"),
}


def write(history: DemoHistory, directory: Path) -> int:
    """Write all files of ``history`` under ``directory``; give how many there are.

    Raises:
        FileExistsError: when the directory already holds a history; two are never mixed.
        OSError: when a file cannot be written.
    """
    for part in ("master", "flows"):
        if (directory / part).exists():
            raise FileExistsError(
                f"{directory / part} exists already; remove it or name another directory"
            )
    master = directory / "master"
    master.mkdir(parents=True)
    for name, rows in _master_rows(history).items():
        _write_file(master / f"{name}.csv", MASTER_COLUMNS[name], rows)
    for sheet in history.sheets:
        path = directory / sheet_path(sheet)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_file(path, FLOW_COLUMNS[sheet.kind], [_flow_cells(row) for row in sheet.rows])
    return len(MASTER_COLUMNS) + len(history.sheets)


def sheet_path(sheet: Sheet) -> Path:
    """Give where a sheet is kept, from the directory of its history."""
    month = f"{sheet.month // 100:04}-{sheet.month % 100:02}"
    return Path("flows", month, str(sheet.wave), f"{sheet.member}-{sheet.kind}.csv")


def _write_file(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    # Bytes, because a text file would spell line ends in the way of the machine.
    path.write_bytes(text.getvalue().encode())


def _master_rows(history: DemoHistory) -> dict[str, list[tuple[Cell, ...]]]:
    return {
        "members": [
            (m.id, m.name, m.kind, _list(m.activities), m.group, m.province, m.registration,
             _list(m.licences))
            for m in history.members
        ],
        "facilities": [
            (f.id, f.owner, f.activity, f.place, f.ore_kind, f.lines, f.yearly_capacity_g,
             f.process_stock_cap_g, f.ore, f.licence)
            for f in history.facilities
        ],
        "products": [
            (p.code, p.name, p.product_class, _list(p.elements), p.reo_permille_low,
             p.reo_permille_high, p.status_at_origin, _list(p.hs_codes), p.ore_kind)
            for p in history.products
        ],
        "plans": [
            (p.year, p.bucket, p.total_g, p.document_digest, p.day.isoformat())
            for p in history.plans
        ],
        "grants": [
            (g.year, g.bucket, g.batch, g.grantee, g.grams, g.document_digest, g.day.isoformat())
            for g in history.grants
        ],
    }  # fmt: skip


def _flow_cells(row: Flow) -> tuple[Cell, ...]:
    match row:
        case Output():
            return _output_cells(row)
        case Split():
            return (row.day.isoformat(), row.lot.text, _list(row.codes), _list(row.gross_g))
        case Offer():
            part_g, part_code = row.part or ("", "")
            goods = (row.day.isoformat(), row.lot.text, part_g, part_code)
            return (*goods, row.buyer, row.purpose, row.invoice, row.terms_digest)
        case Receipt():
            offer = (row.day.isoformat(), row.seller, row.invoice, row.lot.text)
            return (*offer, row.received_gross_g, row.place, _list(row.seals))
        case Rejection():
            return (row.day.isoformat(), row.seller, row.invoice, row.lot.text, row.reason)
        case Cancellation():
            return (row.day.isoformat(), row.lot.text, row.invoice, row.reason)


def _output_cells(row: Output) -> tuple[Cell, ...]:
    period = (row.period_from.isoformat(), row.period_to.isoformat())
    oxides = (grams or "" for grams in row.oxides_g)
    goods = (row.facility, row.product, row.code, row.gross_g)
    return (*period, *goods, *oxides, row.assay_digest)


def _list(items: Iterable[Cell]) -> str:
    return ";".join(map(str, items))
