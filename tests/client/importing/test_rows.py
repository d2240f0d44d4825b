from __future__ import annotations

import re
from pathlib import Path

import pytest

from client.errors import CellProblem
from client.importing.columns import SheetKind, column_of
from client.importing.reading import parse_sheet
from client.importing.rows import (
    CancellationRow,
    OfferRow,
    OutputRow,
    ReceiptRow,
    Row,
    SplitRow,
    check_rows,
)
from ledger.vocabulary import Element, Purpose
from ledger.wire.scalars import ChainId, CivilDate, MemberId
from tests.client.importing.sheets import sheet_text

TODAY = CivilDate(2024_03_31)


def check(kind: SheetKind, *rows: dict[str, str]) -> tuple[list[Row], list[CellProblem]]:
    sheet = parse_sheet(Path("march.csv"), sheet_text(kind, *rows))
    return check_rows(sheet, author=MemberId("mine-a"), chain_id=ChainId(bytes(32)), today=TODAY)


def only(kind: SheetKind, **cells: str) -> Row:
    (row,), problems = check(kind, cells)
    assert not problems
    return row


def complaint(kind: SheetKind, **cells: str) -> str:
    _rows, problems = check(kind, cells)
    assert problems, "nothing is wrong with the row"
    return "\n".join(problem.sentence for problem in problems)


def test_an_output_keeps_its_oxides_in_order_and_leaves_out_empty_ones() -> None:
    row = only(SheetKind.OUTPUTS, Sc_g="1", Y_g="0", Lu_g="")
    assert isinstance(row.content, OutputRow)
    assert [element for element, _grams in row.content.elements] == [
        *(Element.SC, Element.LA, Element.CE, Element.PR, Element.ND)
    ]
    assert row.makes == {"mine-a/BOX-1"}
    assert row.needs == ""


def test_a_split_has_one_mass_for_each_code() -> None:
    row = only(SheetKind.SPLITS, codes="A; B\uff1bC", gross_g="1;2;3")
    assert isinstance(row.content, SplitRow)
    assert row.content.codes == ("A", "B", "C")
    assert row.content.grosses == (1, 2, 3)
    assert row.makes == {"mine-a/A", "mine-a/B", "mine-a/C"}


def test_an_offer_is_of_the_whole_lot_or_of_a_part_with_its_own_code() -> None:
    whole = only(SheetKind.OFFERS, purpose="TOLL", invoice="")
    part = only(SheetKind.OFFERS, part_gross_g="5", part_code="P-1")
    assert isinstance(whole.content, OfferRow)
    assert (whole.content.purpose, whole.content.invoice) == (Purpose.TOLL, "")
    assert whole.offers == "mine-a/BOX-1"
    assert not whole.makes
    assert part.offers == "mine-a/P-1"
    assert part.makes == {"mine-a/P-1"}


def test_answers_and_cancellations_say_which_lot_they_are_about() -> None:
    receipt = only(SheetKind.RECEIPTS, seals=" S1 ;S2", place="包头")
    assert isinstance(receipt.content, ReceiptRow)
    assert receipt.content.seals == "S1; S2"
    assert receipt.needs == "mine-a/BOX-1"
    cancellation = only(SheetKind.CANCELLATIONS)
    assert isinstance(cancellation.content, CancellationRow)
    assert cancellation.needs == "mine-a/BOX-1"
    assert only(SheetKind.REJECTIONS).needs == "mine-a/BOX-1"


def test_a_row_is_named_by_what_it_says_and_not_by_where_it_stands() -> None:
    one, other = only(SheetKind.OUTPUTS), only(SheetKind.OUTPUTS, code="BOX-2")
    (_first, second), _problems = check(SheetKind.OUTPUTS, {"code": "BOX-9"}, {})
    assert one.digest == second.digest != other.digest
    assert one.digest == only(SheetKind.OUTPUTS, gross_g="0100000", Eu_g="0").digest


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        (SheetKind.OUTPUTS, {"period_from": ""}, "column period_from: '': is empty."),
        (SheetKind.OUTPUTS, {"period_from": "2024/3/1"}, "is no day. Write 2024-03-01."),
        (SheetKind.OUTPUTS, {"period_from": "2024年3月1日"}, "Write 2024-03-01."),
        (SheetKind.OUTPUTS, {"period_from": "2024-02-30"}, "Write the day as YYYY-MM-DD."),
        (SheetKind.OUTPUTS, {"period_from": "01.03.2024"}, "Write the day as YYYY-MM-DD."),
        (SheetKind.OUTPUTS, {"period_from": "2024-03-21"}, "is before the period begins"),
        (SheetKind.OUTPUTS, {"period_from": "2023-12-31"}, "crosses the end of a year"),
        (SheetKind.OUTPUTS, {"period_to": "2024-04-01"}, "later than today (2024-03-31)"),
        (SheetKind.OUTPUTS, {"facility": "Pit A"}, "is no id.*Write pit-a."),
        (SheetKind.OUTPUTS, {"code": "BOX 1"}, "is no code.*Write BOX-1."),
        (SheetKind.OUTPUTS, {"code": ""}, "column code: '': is empty."),
        (SheetKind.OUTPUTS, {"code": "x" * 65}, "is no code"),
        (SheetKind.OUTPUTS, {"gross_g": ""}, "column gross_g: '': is empty."),
        (
            SheetKind.OUTPUTS,
            {"gross_g": "100,000"},
            "no mass in whole grams (digits only). Write 100000.",
        ),
        (SheetKind.OUTPUTS, {"gross_g": "100000.0"}, "Write 100000."),
        (SheetKind.OUTPUTS, {"gross_g": "100000 g"}, "Write 100000."),
        (SheetKind.OUTPUTS, {"gross_g": "\uff11\uff10\uff10\uff10"}, "Write 1000."),
        (SheetKind.OUTPUTS, {"gross_g": "1.5"}, "Write whole grams, digits only."),
        (SheetKind.OUTPUTS, {"gross_g": "-5"}, "Write whole grams"),
        (SheetKind.OUTPUTS, {"gross_g": "0"}, "0 g is out of range"),
        (SheetKind.OUTPUTS, {"gross_g": "9" * 19}, "out of range"),
        (SheetKind.OUTPUTS, {"La_g": "x"}, "column La_g: 'x': is no mass"),
        (SheetKind.OUTPUTS, {"assay_digest": "abc"}, "has 3 characters, 64 hexadecimal"),
        (SheetKind.OUTPUTS, {"assay_digest": ""}, "column assay_digest: '': is empty."),
        (
            SheetKind.OUTPUTS,
            {"La_g": "", "Ce_g": "", "Pr_g": "", "Nd_g": ""},
            "no element has any grams",
        ),
        (SheetKind.SPLITS, {"lot": "BOX-1"}, "names no lot. Write it as creator/code"),
        (SheetKind.SPLITS, {"codes": "A", "gross_g": "1"}, "1 parts; 2 to"),
        (SheetKind.SPLITS, {"codes": "A;B;C"}, "2 masses for 3 codes"),
        (SheetKind.SPLITS, {"codes": "A;;B", "gross_g": "1;2;3"}, "has an empty code in it"),
        (SheetKind.SPLITS, {"codes": "A;A"}, "the code 'A' stands twice"),
        (SheetKind.SPLITS, {"codes": ""}, "column codes: '': is empty."),
        (SheetKind.SPLITS, {"gross_g": "1;zwei"}, "'zwei' is no mass"),
        (SheetKind.OFFERS, {"purpose": "sail"}, "Did you mean sale?"),
        (SheetKind.OFFERS, {"purpose": ""}, "is none of sale, toll"),
        (SheetKind.OFFERS, {"part_code": "P-1"}, "column part_gross_g: '': is empty."),
        (SheetKind.OFFERS, {"part_gross_g": "5"}, "column part_code: '': is empty."),
        (SheetKind.OFFERS, {"terms_digest": "zz"}, "is no SHA-256"),
        (SheetKind.OFFERS, {"invoice": "№ 5"}, "is no code"),
        (SheetKind.RECEIPTS, {"place": ""}, "column place: '': is empty. It is needed."),
        (SheetKind.RECEIPTS, {"place": "x" * 129}, "129 characters, at most 128"),
        (SheetKind.RECEIPTS, {"received_gross_g": ""}, "column received_gross_g: '': is empty."),
        (SheetKind.REJECTIONS, {"reason": ""}, "column reason: '': is empty."),
        (SheetKind.REJECTIONS, {"seller": "Mine A"}, "Write mine-a."),
        (SheetKind.CANCELLATIONS, {"date": "2024-03-32"}, "is no day"),
        (SheetKind.CANCELLATIONS, {"date": "2024-04-01"}, "is later than today"),
    ],
)
def test_a_bad_cell_is_named_with_what_to_write_instead(
    kind: SheetKind, cells: dict[str, str], expected: str
) -> None:
    found = complaint(kind, **cells)
    assert re.search(expected.replace("(", r"\(").replace(")", r"\)"), found), found
    assert found.startswith("march.csv, row 2")


def test_all_cells_of_all_rows_are_looked_at_at_once() -> None:
    rows, problems = check(
        SheetKind.OUTPUTS, {"gross_g": "x", "code": "a b"}, {"code": "BOX-2"}, {"facility": "?"}
    )
    assert [row.raw.number for row in rows] == [3]
    assert [(problem.row, problem.column) for problem in problems] == [
        (2, "code"),
        (2, "gross_g"),
        (4, "facility"),
    ]


@pytest.mark.parametrize(
    ("kind", "cells", "column"),
    [
        (SheetKind.OUTPUTS, {"period_from": "2024-10-32"}, "period_from"),
        (SheetKind.OUTPUTS, {"period_to": "2023-02-29"}, "period_to"),
        (SheetKind.OUTPUTS, {"La_g": "-", "Ce_g": "", "Pr_g": "", "Nd_g": ""}, "La_g"),
        (SheetKind.SPLITS, {"codes": "A;B;C;", "gross_g": "1;2"}, "codes"),
        (SheetKind.SPLITS, {"gross_g": ""}, "gross_g"),
        (SheetKind.OFFERS, {"part_gross_g": "1,0", "part_code": ""}, "part_gross_g"),
    ],
)
def test_nothing_is_derived_from_a_cell_that_is_bad_itself(
    kind: SheetKind, cells: dict[str, str], column: str
) -> None:
    _rows, problems = check(kind, cells)
    assert [problem.column for problem in problems] == [column]


def test_the_same_row_twice_and_two_rows_that_make_one_lot_are_named() -> None:
    _rows, problems = check(SheetKind.OUTPUTS, {}, {}, {"gross_g": "90000"})
    assert "says the same as row 2" in problems[0].sentence
    assert "makes the lot mine-a/BOX-1, as row 2 does" in problems[-1].sentence


def test_a_refused_field_leads_back_to_its_column() -> None:
    assert column_of(SheetKind.OUTPUTS, "gross") == "gross_g"
    assert column_of(SheetKind.SPLITS, "children[1].code") == "codes"
    assert column_of(SheetKind.RECEIPTS, "transfer") == "invoice"
    assert column_of(SheetKind.OUTPUTS, "elements") == ""
