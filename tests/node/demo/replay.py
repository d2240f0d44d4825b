"""An independent replay of the files: what a loader would have to believe, and nothing of ours.

It reads the CSV files alone, in the order of months and waves, and keeps who owns which lot. Whatever a
row builds on must have been settled in an earlier wave or month. Every broken promise is an
``AssertionError`` that names the file.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

Row = dict[str, str]
Step = tuple[str, int]

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
INVOICE = re.compile(r"[A-Z]{3}20\d\d-\d{5}")
DIGEST = re.compile(r"[0-9a-f]{64}")
TOLERANCE_PERMILLE = 2


def read_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@dataclass
class Lot:
    owner: str
    gross_g: int
    day: date
    step: Step
    offered: tuple[str, str] | None = None
    """Buyer and invoice while it is locked."""


@dataclass
class Replay:
    directory: Path
    lots: dict[str, Lot] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)
    invoices: set[tuple[str, str]] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    active: set[str] = field(default_factory=set)
    mined_g: int = 0
    lost_g: int = 0
    short: int = 0
    open_over_month_end: int = 0
    reoffered: int = 0
    refused: set[str] = field(default_factory=set)
    waves: dict[str, set[int]] = field(default_factory=dict)
    step: Step = ("", 0)
    author: str = ""

    def __post_init__(self) -> None:
        master = self.directory / "master"
        self.members = {row["id"]: row for row in read_rows(master / "members.csv")}
        self.facilities = {row["id"]: row for row in read_rows(master / "facilities.csv")}
        self.products = {row["code"]: row for row in read_rows(master / "products.csv")}

    def run(self) -> Replay:
        flows = self.directory / "flows"
        for month in sorted(path.name for path in flows.iterdir()):
            waves = sorted(int(path.name) for path in (flows / month).iterdir())
            self.waves[month] = set(waves)
            for wave in waves:
                self.step = (month, wave)
                for path in sorted((flows / month / str(wave)).iterdir()):
                    self._sheet(path)
            self.open_over_month_end += sum(1 for lot in self.lots.values() if lot.offered)
        return self

    def _sheet(self, path: Path) -> None:
        author, kind = path.stem.rsplit("-", 1)
        assert author in self.members, path
        self.author = author
        apply = getattr(self, f"_{kind}")
        last = ""
        for row in read_rows(path):
            self.counts[kind] += 1
            day = row["period_to"] if kind == "outputs" else row["date"]
            assert day[:7] == self.step[0], (path, row)
            assert last <= day, (path, row)
            last = day
            apply(row, date.fromisoformat(day))
        self.active.add(author)

    def _new(self, code: str, gross_g: int, day: date) -> Lot:
        name = f"{self.author}/{code}"
        assert CODE.fullmatch(code), name
        assert name not in self.codes, name
        assert gross_g >= 1, name
        self.codes.add(name)
        self.lots[name] = Lot(self.author, gross_g, day, self.step)
        return self.lots[name]

    def _settled(self, name: str, day: date) -> Lot:
        """Give a lot that an earlier wave or month left behind."""
        lot = self.lots[name]
        assert lot.step < self.step, (name, lot.step, self.step)
        assert lot.day <= day, name
        lot.step, lot.day = self.step, day
        return lot

    def _free(self, name: str, day: date) -> Lot:
        lot = self._settled(name, day)
        assert lot.owner == self.author, name
        assert lot.offered is None, name
        return lot

    def _outputs(self, row: Row, day: date) -> None:
        facility, product = self.facilities[row["facility"]], self.products[row["product"]]
        assert facility["owner"] == self.author
        assert facility["activity"] == "mining"
        assert facility["ore_kind"] == product["ore_kind"]
        assert row["period_from"][:7] == row["period_to"][:7]
        assert row["period_from"] <= row["period_to"]
        assert DIGEST.fullmatch(row["assay_digest"])
        oxides = [
            int(row[name]) for name in row if name.endswith("_g") and name != "gross_g" if row[name]
        ]
        assert all(grams > 0 for grams in oxides)
        gross_g = int(row["gross_g"])
        low, high = int(product["reo_permille_low"]), int(product["reo_permille_high"])
        assert low * gross_g <= sum(oxides) * 1000 <= high * gross_g
        self._new(row["code"], gross_g, day)
        self.mined_g += gross_g

    def _splits(self, row: Row, day: date) -> None:
        parent = self._free(row["lot"], day)
        codes = row["codes"].split(";")
        parts_g = [int(grams) for grams in row["gross_g"].split(";")]
        assert len(codes) == len(parts_g) >= 2
        assert sum(parts_g) == parent.gross_g
        del self.lots[row["lot"]]
        for code, part_g in zip(codes, parts_g, strict=True):
            self._new(code, part_g, day)

    def _offers(self, row: Row, day: date) -> None:
        lot = self._free(row["lot"], day)
        name = row["lot"]
        assert (row["part_gross_g"] == "") == (row["part_code"] == "")
        if row["part_code"]:
            part_g = int(row["part_gross_g"])
            assert 1 <= part_g < lot.gross_g
            lot.gross_g -= part_g
            lot = self._new(row["part_code"], part_g, day)
            name = f"{self.author}/{row['part_code']}"
        assert row["buyer"] in self.members
        assert row["buyer"] != self.author
        assert row["purpose"] in {"sale", "toll", "consignment", "return"}
        assert INVOICE.fullmatch(row["invoice"])
        assert DIGEST.fullmatch(row["terms_digest"])
        assert (self.author, row["invoice"]) not in self.invoices
        self.invoices.add((self.author, row["invoice"]))
        lot.offered = (row["buyer"], row["invoice"])
        self.reoffered += name in self.refused

    def _receipts(self, row: Row, day: date) -> None:
        lot = self._answered(row, day)
        received_g = int(row["received_gross_g"])
        missing_g = lot.gross_g - received_g
        assert 0 <= missing_g * 1000 <= TOLERANCE_PERMILLE * lot.gross_g
        assert self.facilities[row["place"]]["owner"] == self.author
        assert row["seals"]
        lot.owner, lot.gross_g, lot.offered = self.author, received_g, None
        self.lost_g += missing_g
        self.short += missing_g > 0

    def _rejections(self, row: Row, day: date) -> None:
        lot = self._answered(row, day)
        assert row["reason"]
        lot.offered = None
        self.refused.add(row["lot"])

    def _answered(self, row: Row, day: date) -> Lot:
        lot = self._settled(row["lot"], day)
        assert lot.owner == row["seller"]
        assert lot.offered == (self.author, row["invoice"])
        return lot

    def _cancellations(self, row: Row, day: date) -> None:
        lot = self._settled(row["lot"], day)
        assert lot.owner == self.author
        assert lot.offered is not None
        assert lot.offered[1] == row["invoice"]
        assert row["reason"]
        lot.offered = None
        self.refused.add(row["lot"])
