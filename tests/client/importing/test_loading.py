from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from client.errors import ClientRefusal, ImportFileError, ImportRefusal, Unreachable, UsageError
from client.importing.columns import SheetKind
from client.importing.journal import Journal
from client.importing.loading import check_files, check_import, import_file, import_files
from client.session import Client
from ledger.parsed import parse_transaction
from ledger.vocabulary import Element
from ledger.wire.scalars import TxId
from tests.client.importing.sheets import write_sheet
from tests.client.network import Ledger, Node, client_of, hang_up
from tests.support.trading import BUYER, MINE, output, suspend

SMALL = {"gross_g": "1000", "La_g": "100", "Ce_g": "200", "Pr_g": "", "Nd_g": "100"}


def small(number: int) -> dict[str, str]:
    return {**SMALL, "code": f"BOX-{number}"}


class Desk:
    """A clerk with files, a journal and an outbox."""

    def __init__(self, ledger: Ledger, node: Node, path: Path, member: str) -> None:
        self.ledger = ledger
        self.node = node
        self.path = path / member
        self.member = member

    @property
    def journal(self) -> Path:
        return self.path / "imports"

    def client(self, *nodes: Node) -> Client:
        return client_of(
            self.ledger, *(nodes or (self.node,)), member=self.member, outbox=self.path / "outbox"
        )

    def sheet(self, kind: SheetKind, *rows: dict[str, str]) -> Path:
        return write_sheet(self.path, kind, *rows)


@pytest.fixture
async def node(ledger: Ledger) -> Node:
    return await ledger.node()


@pytest.fixture
def mine(ledger: Ledger, node: Node, tmp_path: Path) -> Desk:
    return Desk(ledger, node, tmp_path, MINE)


@pytest.fixture
def buyer(ledger: Ledger, node: Node, tmp_path: Path) -> Desk:
    return Desk(ledger, node, tmp_path, BUYER)


async def test_a_month_of_files_becomes_records_on_both_sides(mine: Desk, buyer: Desk) -> None:
    async with mine.client() as client:
        result = await import_files(
            client,
            [
                mine.sheet(SheetKind.CANCELLATIONS, {"lot": "mine-a/BAG-3", "invoice": "INV-3"}),
                mine.sheet(
                    SheetKind.OFFERS,
                    {"lot": "mine-a/BAG-1"},
                    {"lot": "mine-a/BAG-2", "part_gross_g": "10000", "part_code": "BAG-3"}
                    | {"invoice": "INV-3"},
                    {"lot": "mine-a/BOX-2", "invoice": "INV-2"},
                ),
                mine.sheet(SheetKind.SPLITS, {}),
                mine.sheet(SheetKind.OUTPUTS, {}, {"code": "BOX-2"}),
            ],
            mine.journal,
        )
    assert result.refused == []
    assert (result.rows_count, result.records_count, result.already_count) == (7, 7, 0)
    async with buyer.client() as client:
        accepted = await import_files(
            client,
            [
                buyer.sheet(
                    SheetKind.RECEIPTS, {"lot": "mine-a/BAG-1", "received_gross_g": "59950"}
                ),
                buyer.sheet(SheetKind.REJECTIONS, {"lot": "mine-a/BOX-2", "invoice": "INV-2"}),
            ],
            buyer.journal,
        )
        bag = await client.lot("mine-a/BAG-1")
        box = await client.lot("mine-a/BOX-2")
        offers = await client.offers(BUYER)
    assert accepted.records_count == 2
    assert (bag.owner, bag.gross, bag.place) == (BUYER, 59_950, "separator-c-plant")
    assert (box.owner, box.transfer) == (MINE, None)
    assert len(offers) == 0


async def test_a_file_that_is_imported_again_adds_nothing(mine: Desk) -> None:
    path = mine.sheet(SheetKind.OUTPUTS, small(1), small(2))
    async with mine.client() as client:
        first = await import_file(client, path, mine.journal)
        again = await import_file(client, path, mine.journal)
    assert (first.records_count, first.transactions_count) == (2, 1)
    assert (again.records_count, again.already_count) == (0, 2)
    assert mine.node.posts() == 1


async def test_the_corrected_file_adds_only_what_is_new(mine: Desk) -> None:
    async with mine.client() as client:
        await import_file(client, mine.sheet(SheetKind.OUTPUTS, small(1)), mine.journal)
        with pytest.raises(ImportRefusal) as raised:
            await import_file(
                client,
                mine.sheet(
                    SheetKind.OUTPUTS,
                    small(1),
                    small(2),
                    {"code": "BOX-3", "gross_g": "9000000", "La_g": "2000000"},
                    small(4),
                ),
                mine.journal,
            )
        corrected = mine.sheet(SheetKind.OUTPUTS, *map(small, (1, 2, 3, 4)))
        result = await import_file(client, corrected, mine.journal)
    (problem,) = raised.value.problems
    assert problem.row == 4
    assert "all others, 2 new and 1 earlier ones, are on the ledger" in str(raised.value)
    assert (result.already_count, result.records_count) == (3, 1)


async def test_a_refused_row_names_row_column_and_cell(mine: Desk) -> None:
    async with mine.client() as client:
        await client.submit(output(code="BOX-2"))
        with pytest.raises(ImportRefusal) as raised:
            await import_file(
                client, mine.sheet(SheetKind.OUTPUTS, small(1), small(2)), mine.journal
            )
        assert (await client.lot("mine-a/BOX-1")).owner == MINE
    (problem,) = raised.value.problems
    assert (problem.row, problem.column, problem.cell) == (3, "code", "BOX-2")
    assert "is on the live lot" in problem.reason


async def test_nothing_is_sent_while_a_cell_is_wrong(mine: Desk) -> None:
    async with mine.client() as client:
        with pytest.raises(ImportFileError) as raised:
            await import_files(
                client,
                [
                    mine.sheet(
                        SheetKind.OUTPUTS,
                        small(1),
                        small(2) | {"product": "ORE-MX"},
                        small(3) | {"facility": "pit-b"},
                    ),
                    mine.sheet(
                        SheetKind.OFFERS,
                        {"lot": "mine-a/BOX-1", "buyer": "seperator-c"},
                        {"lot": "mine-a/NONE"},
                    ),
                ],
                mine.journal,
            )
    told = {(Path(p.file).stem, p.row, p.column): p.sentence for p in raised.value.problems}
    assert set(told) == {
        ("outputs", 3, "product"),
        ("outputs", 4, "facility"),
        ("offers", 2, "buyer"),
        ("offers", 3, "lot"),
    }
    assert "is no facility of mine-a" in told["outputs", 4, "facility"]
    assert "Did you mean separator-c?" in told["offers", 2, "buyer"]
    assert mine.node.posts() == 0


def with_a_comma(path: Path, row: int) -> Path:
    """Write a cell too many into a row of a file."""
    lines = path.read_text().splitlines()
    lines[row - 1] = "a," + lines[row - 1]
    path.write_text("\n".join(lines))
    return path


async def test_everything_that_is_wrong_is_told_in_one_run(mine: Desk) -> None:
    outputs = with_a_comma(
        mine.sheet(
            SheetKind.OUTPUTS,
            small(1),
            small(2),
            small(3) | {"product": "ORE-MX"},
            small(4) | {"facility": "pit-b"},
            small(5) | {"gross_g": "1,000", "product": "ORE-MX"},
            small(6) | {"facility": "?"},
        ),
        row=3,
    )
    offers = mine.sheet(
        SheetKind.OFFERS,
        {"lot": "mine-a/BOX-2"},
        {"lot": "mine-a/BOX-1", "buyer": "seperator-c"},
        {"lot": "mine-a/BOX-5"},
    )
    async with mine.client() as client:
        for work in (
            import_files(client, [outputs, offers], mine.journal),
            check_import(client, [outputs, offers]),
            check_import(client, [outputs, offers], mine.journal),
        ):
            with pytest.raises(ImportFileError) as raised:
                await work
            assert [(Path(p.file).stem, p.row, p.column) for p in raised.value.problems] == [
                ("outputs", 3, ""),
                ("outputs", 4, "product"),
                ("outputs", 5, "facility"),
                ("outputs", 6, "gross_g"),
                ("outputs", 6, "product"),
                ("outputs", 7, "facility"),
                ("offers", 3, "buyer"),
            ], "the lot of row 2 of the offers may be what row 3 of the outputs makes"
    assert mine.node.posts() == 0


async def test_a_lot_that_is_missing_is_told_beside_a_bad_cell(mine: Desk) -> None:
    path = mine.sheet(
        SheetKind.OFFERS, {"lot": "mine-a/NONE"}, {"lot": "mine-a/NONE", "date": "2024-02-30"}
    )
    async with mine.client() as client:
        with pytest.raises(ImportFileError) as raised:
            await import_files(client, [path], mine.journal)
    assert [(p.row, p.column) for p in raised.value.problems] == [(2, "lot"), (3, "date")]


async def test_bad_cells_are_told_when_no_node_answers(mine: Desk) -> None:
    path = mine.sheet(SheetKind.OUTPUTS, small(1), small(2) | {"gross_g": "x"})
    mine.node.answer_always(hang_up)
    async with mine.client() as client:
        with pytest.raises(ImportFileError, match="row 3, column gross_g"):
            await check_import(client, [path])


async def test_a_lot_that_does_not_exist_is_named_before_anything_is_sent(mine: Desk) -> None:
    files = [
        mine.sheet(SheetKind.OUTPUTS, small(1)),
        mine.sheet(SheetKind.OFFERS, {"lot": "mine-a/NONE"}),
    ]
    async with mine.client() as client:
        with pytest.raises(
            ImportFileError, match="column lot: 'mine-a/NONE': there is no such lot"
        ):
            await import_files(client, files, mine.journal)
    assert mine.node.posts() == 0


async def test_an_unknown_product_is_answered_with_the_nearest_one(mine: Desk) -> None:
    async def catalogue(request: web.Request) -> web.StreamResponse | None:
        if request.path != "/v1/products":
            return None
        product = {"code": "ORE-MIX", "version": 1, "name": "ore", "product_class": "ore"}
        limits = {"reo_permille_low": 1, "reo_permille_high": 2, "status_at_origin": "undebited"}
        return web.json_response({"products": [product | limits | {"elements": []}], "next": None})

    mine.node.answer_always(catalogue)
    async with mine.client() as client:
        with pytest.raises(ImportFileError, match=r"Did you mean ORE-MIX\?"):
            await import_file(
                client, mine.sheet(SheetKind.OUTPUTS, {"product": "ORE-MX"}), mine.journal
            )


async def test_answers_to_offers_that_are_not_there_are_named(mine: Desk, buyer: Desk) -> None:
    async with mine.client() as client:
        await import_files(
            client,
            [mine.sheet(SheetKind.OUTPUTS, {}), mine.sheet(SheetKind.OFFERS, {})],
            mine.journal,
        )
    for cells, expected in (
        ({"lot": "mine-a/BOX-7"}, "is not on offer to separator-c. Did you mean mine-a/BOX-1?"),
        ({"seller": "mine-b"}, "the offer of mine-a/BOX-1 is by mine-a. Write mine-a."),
        ({"invoice": "INV-9"}, "the offer names the invoice INV-1. Write INV-1."),
    ):
        async with buyer.client() as client:
            with pytest.raises(ImportFileError, match=expected.replace("?", r"\?")):
                await import_file(client, buyer.sheet(SheetKind.RECEIPTS, cells), buyer.journal)
    async with mine.client() as client:
        with pytest.raises(ImportFileError, match="the offer names the invoice INV-1"):
            await import_file(
                client, mine.sheet(SheetKind.CANCELLATIONS, {"invoice": ""}), mine.journal
            )
        await import_file(client, mine.sheet(SheetKind.CANCELLATIONS, {}), mine.journal)
        with pytest.raises(ImportFileError, match="is not on offer: it is with mine-a"):
            await import_file(
                client,
                mine.sheet(SheetKind.CANCELLATIONS, {"reason": "once more"}),
                mine.journal,
            )


async def test_rows_that_build_on_a_refused_row_are_refused_with_it(mine: Desk) -> None:
    async with mine.client() as client:
        result = await import_files(
            client,
            [
                mine.sheet(
                    SheetKind.OUTPUTS,
                    small(1),
                    {"code": "BOX-2", "gross_g": "9000000", "La_g": "2000000"},
                ),
                mine.sheet(SheetKind.OFFERS, {"lot": "mine-a/BOX-1"}, {"lot": "mine-a/BOX-2"}),
            ],
            mine.journal,
        )
    assert result.records_count == 2
    assert [(Path(p.file).stem, p.row) for p in result.refused] == [("outputs", 3), ("offers", 3)]
    assert "there is no such lot on the ledger" in result.refused[1].reason


async def test_rows_that_wait_for_each_other_are_named(mine: Desk) -> None:
    rows = [
        {"lot": "mine-a/A", "part_gross_g": "1", "part_code": "B"},
        {"lot": "mine-a/B", "part_gross_g": "1", "part_code": "A"},
    ]
    async with mine.client() as client:
        result = await import_files(client, [mine.sheet(SheetKind.OFFERS, *rows)], mine.journal)
    assert [problem.row for problem in result.refused] == [2, 3]
    assert "waits for another row" in result.refused[0].reason


async def test_rows_travel_in_batches_of_two_hundred(mine: Desk) -> None:
    cells = {**SMALL, "gross_g": "10", "La_g": "1", "Ce_g": "2", "Nd_g": "1"}
    rows = [{**cells, "code": f"B-{number}"} for number in range(450)]
    told: list[tuple[int, int]] = []
    async with mine.client() as client:
        result = await import_file(
            client,
            mine.sheet(SheetKind.OUTPUTS, *rows),
            mine.journal,
            on_progress=lambda done, total: told.append((done, total)),
        )
    assert (result.records_count, result.transactions_count) == (450, 3)
    assert told == [(200, 450), (400, 450), (450, 450)]


async def test_after_a_lost_connection_the_import_goes_on_where_it_ended(mine: Desk) -> None:
    async def admit_and_vanish(request: web.Request) -> web.StreamResponse:
        mine.ledger.admit(await request.read())
        mine.node.answer_always(hang_up)
        return await hang_up(request)

    async def on_post(request: web.Request) -> web.StreamResponse | None:
        return await admit_and_vanish(request) if request.method == "POST" else None

    path = mine.sheet(SheetKind.OUTPUTS, small(1), small(2))
    mine.node.answer_always(on_post)
    async with mine.client() as client:
        with pytest.raises(Unreachable, match="stays in the outbox"):
            await import_file(client, path, mine.journal)
    mine.node.answer_always(None)
    posts = mine.node.posts()
    async with mine.client() as client:
        result = await import_file(client, path, mine.journal)
    assert (result.already_count, result.records_count) == (2, 0)
    assert mine.node.posts() == posts + 1, "the same bytes again, and nothing else"
    assert len(set(mine.ledger.submissions)) == 1


async def test_a_crash_after_finality_and_before_the_journal_doubles_nothing(mine: Desk) -> None:
    path = mine.sheet(SheetKind.OUTPUTS, small(1))
    async with mine.client() as client:
        await import_file(client, path, mine.journal)
    journal = mine.journal / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0])
    async with mine.client() as client:
        result = await import_file(client, path, mine.journal)
    assert (result.already_count, result.records_count) == (1, 0)
    assert mine.node.posts() == 1


async def test_a_crash_before_anything_was_sent_loses_nothing(mine: Desk) -> None:
    path = mine.sheet(SheetKind.OUTPUTS, small(1))
    async with mine.client() as client:
        (row,) = await check_files(client, [path])
        Journal(mine.journal).note_sent(TxId(b"never sent" + bytes(22)), (row.digest,))
        result = await import_file(client, path, mine.journal)
    assert (result.already_count, result.records_count) == (0, 1)


async def test_a_refusal_of_the_author_ends_the_import(mine: Desk) -> None:
    suspend(mine.ledger.world, MINE)
    async with mine.client() as client:
        with pytest.raises(ClientRefusal, match="author_suspended"):
            await import_file(
                client, mine.sheet(SheetKind.OUTPUTS, small(1), small(2)), mine.journal
            )
    assert mine.node.posts() == 1


async def test_a_refusal_that_names_no_record_is_found_by_halves(mine: Desk) -> None:
    async def hide_the_index(request: web.Request) -> web.StreamResponse | None:
        if request.method != "POST":
            return None
        data = await request.read()
        refused = mine.ledger.world.build(parse_transaction(data)).left_out
        if not refused:
            return None
        return web.json_response(
            {"code": "code_taken", "detail": "somewhere.", "status": 422},
            status=422,
            content_type="application/problem+json",
        )

    mine.node.answer_always(hide_the_index)
    async with mine.client() as client:
        await client.submit(output(code="BOX-3", elements=((Element.LA, 400_000),)))
        with pytest.raises(ImportRefusal) as raised:
            await import_file(
                client,
                mine.sheet(SheetKind.OUTPUTS, *(small(number) for number in range(1, 8))),
                mine.journal,
            )
    assert [problem.row for problem in raised.value.problems] == [4]
    assert raised.value.done["records"] == 6


async def test_the_same_row_in_two_files_is_named(mine: Desk) -> None:
    first = write_sheet(mine.path, SheetKind.OUTPUTS, small(1), name="one.csv")
    second = write_sheet(mine.path, SheetKind.OUTPUTS, small(1), name="two.csv")
    async with mine.client() as client:
        with pytest.raises(ImportFileError, match=r"two.csv, row 2.*row 2 of .*one.csv"):
            await import_files(client, [first, second], mine.journal)


async def test_problems_are_shown_up_to_a_limit(mine: Desk) -> None:
    rows = [small(number) | {"gross_g": "x"} for number in range(150)]
    async with mine.client() as client:
        with pytest.raises(ImportFileError) as raised:
            await import_file(client, mine.sheet(SheetKind.OUTPUTS, *rows), mine.journal)
    assert (len(raised.value.problems), raised.value.more) == (100, 50)
    assert "… and 50 more\n150 cells or rows to correct" in str(raised.value)


async def test_a_member_that_is_not_admitted_is_named(
    ledger: Ledger, node: Node, tmp_path: Path
) -> None:
    stranger = Desk(ledger, node, tmp_path, "stranger")
    async with stranger.client() as client:
        with pytest.raises(UsageError, match="stranger, for whom the profile writes, is not in"):
            await import_file(client, stranger.sheet(SheetKind.OUTPUTS, small(1)), stranger.journal)
