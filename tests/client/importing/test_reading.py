from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.errors import ImportFileError
from client.importing.columns import COLUMNS, SheetKind
from client.importing.reading import ROWS_MAX, decode_text, parse_sheet, read_sheet
from node.demo.files import FLOW_COLUMNS
from tests.client.importing.sheets import DEFAULTS, csv_text, sheet_text, write_sheet

PATH = Path("march.csv")


def header(kind: SheetKind) -> str:
    return ",".join(COLUMNS[kind])


def test_the_kinds_are_those_that_the_demo_writes() -> None:
    assert {kind.value: tuple(columns) for kind, columns in COLUMNS.items()} == FLOW_COLUMNS


@pytest.mark.parametrize("kind", SheetKind)
def test_a_kind_is_recognised_by_its_header(tmp_path: Path, kind: SheetKind) -> None:
    sheet = read_sheet(write_sheet(tmp_path, kind, {}, {}))
    assert sheet.kind is kind
    assert [row.number for row in sheet.rows] == [2, 3]
    assert sheet.rows[0].cells == {name: DEFAULTS[kind].get(name, "") for name in COLUMNS[kind]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_text_is_read_in_every_encoding_that_people_have(
    tmp_path: Path, encoding: str
) -> None:
    text = sheet_text(SheetKind.REJECTIONS, {"reason": "封条在到货时已破损"})
    path = tmp_path / "rejections.csv"
    path.write_bytes(text.encode(encoding))
    assert read_sheet(path).rows[0].cells["reason"] == "封条在到货时已破损"


@given(text=st.text(alphabet=st.characters(blacklist_characters="\0", codec="utf-8")))
def test_any_utf8_text_is_read_as_what_it_is(text: str) -> None:
    if text.startswith("\ufeff"):
        return
    assert decode_text(PATH, text.encode()) == text


@given(data=st.binary(max_size=200))
def test_any_bytes_are_rows_or_a_named_problem(data: bytes) -> None:
    try:
        read = parse_sheet(PATH, decode_text(PATH, data)).rows
    except ImportFileError as error:
        named = error.problems[0].sentence.startswith("march.csv")
    else:
        named = bool(read)
    assert named


def test_columns_may_stand_in_any_order_and_spaces_around_cells_do_not_count() -> None:
    columns = list(reversed(COLUMNS[SheetKind.CANCELLATIONS]))
    values = [f" {DEFAULTS[SheetKind.CANCELLATIONS][name]}\u3000" for name in columns]
    sheet = parse_sheet(PATH, csv_text([f" {name} " for name in columns], [values]))
    assert sheet.rows[0].cells == DEFAULTS[SheetKind.CANCELLATIONS]


def test_blank_rows_are_passed_over_and_still_count_as_rows() -> None:
    text = sheet_text(SheetKind.CANCELLATIONS, {}, {})
    first, second, third, _end = text.split("\r\n")
    sheet = parse_sheet(PATH, "\r\n".join(["", first, second, ",,,", "", third, ""]))
    assert [row.number for row in sheet.rows] == [3, 6]


def test_a_cell_over_several_lines_is_one_row() -> None:
    text = sheet_text(SheetKind.CANCELLATIONS, {"reason": "line one\nline two"}, {})
    sheet = parse_sheet(PATH, text)
    assert [row.number for row in sheet.rows] == [2, 3]
    assert sheet.rows[0].cells["reason"] == "line one\nline two"


def test_cells_that_a_spreadsheet_adds_at_the_end_are_passed_over() -> None:
    text = sheet_text(SheetKind.CANCELLATIONS, {}).replace("no wagon", "no wagon,,,")
    assert len(parse_sheet(PATH, text).rows) == 1


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "is empty"),
        (b"\r\n\r\n", "is empty"),
        (b"PK\x03\x04 and so on", r"XLSX.*Save it as 'CSV UTF-8'"),
        ("date,lot".encode("utf-16"), "UTF-16"),
        (b"\xff\xff\xff", "neither UTF-8 nor GB18030"),
        (b"date,lot,invoice,reason\r\n\0,,,\r\n", "neither UTF-8 nor GB18030"),
        (b"date;lot;invoice;reason\r\n", "semicolons or tabs"),
        (b"date\tlot\tinvoice\treason\r\n", "semicolons or tabs"),
        (b"name,colour\r\nx,y\r\n", r"no header of a known kind \(outputs"),
        (b'date,lot,invoice,reason\r\n"x,y,z\r\n', "broken CSV.*quotation mark"),
        (b"date,lot,invoice,reason\r\n", "a header and no rows"),
    ],
)
def test_what_is_no_sheet_is_named(tmp_path: Path, data: bytes, complaint: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(data)
    with pytest.raises(ImportFileError, match=complaint) as raised:
        read_sheet(path)
    assert str(path) in str(raised.value)
    assert "nothing was sent" in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match=r"nothing.csv: cannot be read: No such file"):
        read_sheet(tmp_path / "nothing.csv")


def test_a_header_that_is_nearly_right_is_compared_column_by_column() -> None:
    text = header(SheetKind.OFFERS).replace("invoice", "invoce") + "\r\n"
    with pytest.raises(ImportFileError) as raised:
        parse_sheet(PATH, text)
    assert "column 'invoice' is missing in a file of offers" in str(raised.value)
    assert "Is it the column that is called 'invoce'?" in str(raised.value)
    assert "is no column of a file of offers" in str(raised.value)


def test_a_column_that_stands_twice_is_named() -> None:
    with pytest.raises(ImportFileError, match="stands twice in the header"):
        parse_sheet(PATH, header(SheetKind.SPLITS) + ",lot\r\n")


def test_a_row_of_another_length_is_named_and_the_others_are_read() -> None:
    text = sheet_text(SheetKind.CANCELLATIONS, {}, {})
    sheet = parse_sheet(PATH, text + "2024-03-01,too,few\r\n2024-03-01,a,b,c,d\r\n")
    assert len(sheet.rows) == 2
    assert [problem.row for problem in sheet.problems] == [4, 5]
    assert "the row has 3 cells, the header has 4" in sheet.problems[0].sentence


def test_a_row_with_a_stray_quotation_mark_is_named_and_the_others_are_read() -> None:
    text = 'date,lot,invoice,reason\n"a"b,2,3,4\n1,2,3,4\n5,6,"7,8\n'
    sheet = parse_sheet(Path("x.csv"), text)
    assert [row.number for row in sheet.rows] == [3]
    assert [problem.row for problem in sheet.problems] == [2, 4]
    with pytest.raises(ImportFileError, match="row 1: is broken CSV"):
        parse_sheet(Path("x.csv"), 'da"te,"lot"x,invoice,reason\n1,2,3,4\n')


def test_too_many_rows_are_refused() -> None:
    text = header(SheetKind.SPLITS) + "\r\n" + "2024-03-01,a/b,c,1\r\n" * (ROWS_MAX + 1)
    with pytest.raises(ImportFileError, match="more than 100000 rows"):
        parse_sheet(PATH, text)
