"""The written files: layout, headers, encoding, and that they say what the history says."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from node.demo.files import FLOW_COLUMNS, MASTER_COLUMNS, sheet_path, write
from node.demo.history import SMALL, generate
from node.demo.published import ELEMENTS
from node.demo.records import DemoHistory, LotName, Offer, Output, Rejection, Sheet
from tests.node.demo.replay import read_rows

HEADERS = {
    "members": "id,name,kind,activities,group,province,registration,licences",
    "facilities": "id,owner,activity,place,ore_kind,lines,yearly_capacity_g,process_stock_cap_g,"
    "ore,licence",
    "products": "code,name,class,elements,reo_permille_low,reo_permille_high,status,hs_codes,"
    "ore_kind",
    "plans": "year,bucket,total_g,document_digest,date",
    "grants": "year,bucket,batch,grantee,grams,document_digest,date",
    "outputs": "period_from,period_to,facility,product,code,gross_g,La_g,Ce_g,Pr_g,Nd_g,Sm_g,"
    "Eu_g,Gd_g,Tb_g,Dy_g,Ho_g,Er_g,Tm_g,Yb_g,Lu_g,Y_g,Sc_g,assay_digest",
    "splits": "date,lot,codes,gross_g",
    "offers": "date,lot,part_gross_g,part_code,buyer,purpose,invoice,terms_digest",
    "receipts": "date,seller,invoice,lot,received_gross_g,place,seals",
    "rejections": "date,seller,invoice,lot,reason",
    "cancellations": "date,lot,invoice,reason",
}


def test_columns_are_those_of_the_contract() -> None:
    masters = {name: ",".join(columns) for name, columns in MASTER_COLUMNS.items()}
    flows = {str(kind): ",".join(columns) for kind, columns in FLOW_COLUMNS.items()}
    assert masters | flows == HEADERS


def test_every_file_is_utf_8_without_a_mark_and_ends_its_lines_with_crlf(written: Path) -> None:
    for path in written.rglob("*.csv"):
        data = path.read_bytes()
        data.decode("utf-8")
        assert not data.startswith(b"\xef\xbb\xbf")
        assert data.endswith(b"\r\n")
        assert data.count(b"\n") == data.count(b"\r\n")
        kind = path.stem.rsplit("-", 1)[-1]
        assert data.split(b"\r\n", 1)[0].decode() == HEADERS[kind]


def test_there_is_a_file_for_every_sheet_and_nothing_else(
    history: DemoHistory, written: Path
) -> None:
    found = {path.relative_to(written) for path in written.rglob("*") if path.is_file()}
    expected = {sheet_path(sheet) for sheet in history.sheets}
    expected |= {Path("master", f"{name}.csv") for name in MASTER_COLUMNS}
    assert found == expected


def test_the_files_hold_every_record(history: DemoHistory, written: Path) -> None:
    rows = sum(len(read_rows(path)) for path in written.rglob("*.csv"))
    assert rows == history.record_count


def test_rows_with_every_kind_of_cell_are_spelled_as_promised(tmp_path: Path) -> None:
    day = date(2023, 1, 9)
    oxides = tuple(7 if element in {"La", "Sc"} else 0 for element in ELEMENTS)
    output = Output(date(2023, 1, 3), day, "pit", "ORE-MIX", "A-1", 30, oxides, "ab" * 32)
    lot = LotName("mine", "A-1")
    part = Offer(day, lot, (10, "A-2"), "buyer", "sale", "I-1", "cd" * 32)
    whole = Offer(day, lot, None, "buyer", "sale", "I-2", "cd" * 32)
    refusal = Rejection(day, "mine", "I-2", lot, 'wet, "very"')
    write(history_of(output=(output,), offers=(part, whole), rejections=(refusal,)), tmp_path)
    folder = tmp_path / "flows" / "2023-01" / "1"
    assert (folder / "mine-outputs.csv").read_text(encoding="utf-8").splitlines()[1] == (
        f"2023-01-03,2023-01-09,pit,ORE-MIX,A-1,30,7{',' * 15}7,{'ab' * 32}"
    )
    assert (folder / "mine-offers.csv").read_text(encoding="utf-8").splitlines()[1:] == [
        f"2023-01-09,mine/A-1,10,A-2,buyer,sale,I-1,{'cd' * 32}",
        f"2023-01-09,mine/A-1,,,buyer,sale,I-2,{'cd' * 32}",
    ]
    assert (folder / "mine-rejections.csv").read_text(encoding="utf-8").splitlines()[1] == (
        '2023-01-09,mine,I-2,mine/A-1,"wet, ""very"""'
    )


def history_of(
    output: tuple[Output, ...], offers: tuple[Offer, ...], rejections: tuple[Rejection, ...]
) -> DemoHistory:
    sheets = (
        Sheet(202301, 1, "mine", "outputs", output),
        Sheet(202301, 1, "mine", "offers", offers),
        Sheet(202301, 1, "mine", "rejections", rejections),
    )
    return DemoHistory((), (), (), (), (), (), sheets)


def test_numbers_and_days_of_the_master_data_are_plain(written: Path) -> None:
    for row in read_rows(written / "master" / "grants.csv"):
        assert date.fromisoformat(row["date"]).year == int(row["year"])
        assert int(row["grams"]) > 0
    for row in read_rows(written / "master" / "facilities.csv"):
        assert int(row["yearly_capacity_g"]) > int(row["process_stock_cap_g"]) >= 0
    statuses = {row["status"] for row in read_rows(written / "master" / "products.csv")}
    assert statuses == {"undebited", "debited", "exempt"}


def test_two_histories_are_never_mixed_in_one_directory(tmp_path: Path) -> None:
    history = generate(months=1, scale=SMALL)
    assert write(history, tmp_path / "new" / "place") == len(history.sheets) + 5
    with pytest.raises(FileExistsError, match="exists already; remove it or name another"):
        write(history, tmp_path / "new" / "place")


def test_a_csv_reader_of_another_dialect_finds_the_same_cells(written: Path) -> None:
    text = (written / "master" / "members.csv").read_text(encoding="utf-8")
    lines = list(csv.reader(text.splitlines()))
    assert {len(line) for line in lines} == {8}
