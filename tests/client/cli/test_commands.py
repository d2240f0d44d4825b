from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from client.cli.output import show
from client.cli.tracing import trace_lines
from client.forms import form_of
from client.importing.columns import SheetKind
from client.keystore import load_seed, write_key_file
from client.passphrase import passphrase_source
from client.profile import load_profile
from client.receipt import read_receipt
from client.sync import Client
from client.trust import trust_root_of
from ledger.records.record import Record
from ledger.vocabulary import Activity, Role
from ledger.wire.hashing import plain_digest
from ledger.wire.scalars import LotId
from tests.client.desk import Desk
from tests.client.importing.sheets import sheet_text
from tests.client.importing.test_loading import small
from tests.support.founding import MINISTRY, NETWORK
from tests.support.keys import seed_of
from tests.support.trading import BUYER, MINE, accept, offer, offer_part, output
from tests.support.world import mine


def named(record: Record, lot: str) -> dict[str, object]:
    """Return the form of a record about the lot that people call ``lot``."""
    form = form_of(record)
    form["fields"]["lot"] = lot
    form["fields"].pop("transfer", None)
    return form


def test_a_lot_is_made_offered_accepted_and_traced_by_commands(desk: Desk) -> None:
    desk.profile(BUYER)
    sale = [named(offer(LotId(bytes(16))), "mine-a/C-1")]
    receipt = [named(accept(LotId(bytes(16)), LotId(bytes(16))), "mine-a/C-1")]
    for member, name, forms in (
        (MINE, "made.json", [form_of(output())]),
        (MINE, "sale.json", sale),
        (BUYER, "receipt.json", receipt),
    ):
        ran = desk.run("submit", desk.file(name, forms), "--profile", member)
        assert ran.code == 0, ran.err
        assert "final in block" in ran.out
        assert "receipt verified" in ran.out
        assert "next: monazite receipt" in ran.out
    traced = desk.run("trace", "mine-a/C-1", "--profile", BUYER)
    assert traced.code == 0
    assert "now with separator-c at Ganzhou" in traced.out
    assert "mine pit-a, Inner Mongolia (Bayan Obo ore, licence LIC-pit-a)" in traced.out
    assert "dug 2024-03-01 to 2024-03-20: 500 kg of oxide" in traced.out
    assert "quota 2024 rock_mining of mine-a: 500 kg of 2,000 kg used (25.0%)" in traced.out
    assert "mine-a → separator-c: mine-a/C-1 (sale, invoice INV-1)" in traced.out
    assert "accepted 2024-03-25, block 15" in " ".join(traced.out.split())


def test_a_trace_fits_into_eighty_columns_without_a_terminal(desk: Desk) -> None:
    desk.run("submit", desk.file("made.json", [form_of(output())]))
    part = named(offer_part(LotId(bytes(16)), 1_000), "mine-a/C-1")
    desk.run("submit", desk.file("part.json", [part]))
    for lot, words in (
        ("mine-a/P-1", "part taken by mine-a on 2024-03-22, block 14"),
        ("mine-a/C-1", "what was taken from it (1 lot)"),
    ):
        ran = desk.run("trace", lot)
        assert words in ran.out
        told = [line for line in ran.out.splitlines() if not line.startswith("next:")]
        assert all(len(line) <= 80 for line in told), max(told, key=len)
        assert "\x1b" not in ran.out


def test_a_trace_is_json_for_programs(desk: Desk) -> None:
    desk.run("submit", desk.file("made.json", [form_of(output())]))
    body = desk.run("trace", "mine-a/C-1", "--json").json
    assert body["schema"] == "monazite.trace/1"
    assert body["origins"][0]["account"]["used"] == 500_000
    assert body["next"].startswith("monazite receipt ")


def test_markup_in_names_is_shown_as_it_stands(desk: Desk) -> None:
    desk.run("submit", desk.file("made.json", [form_of(output())]))
    with Client(profile="mine-a") as ledger:
        trace = ledger.trace("mine-a/C-1")
    facility = trace.origins[0].facility
    assert facility is not None
    odd = msgspec.structs.replace(facility, place="[bold]Baotou[/] [link=x]")
    origin = msgspec.structs.replace(trace.origins[0], facility=odd)
    console = Console(width=120, record=True, file=io.StringIO())
    for line in trace_lines(msgspec.structs.replace(trace, origins=(origin,))):
        show(console, line)
    assert "[bold]Baotou[/] [link=x]" in console.export_text()


def test_a_refusal_is_exit_code_7_with_rule_and_figures_as_json(desk: Desk) -> None:
    path = desk.file("made.json", [form_of(output())])
    assert desk.run("submit", path).code == 0
    ran = desk.run("submit", path, "--json")
    assert ran.code == 7
    error = ran.json["error"]
    assert (error["refusal_code"], error["field"], error["record_index"]) == (
        "code_taken",
        "code",
        0,
    )
    assert ran.err == ""


def test_a_bad_form_is_named_by_file_and_place(desk: Desk) -> None:
    form = form_of(output())
    form["fields"]["gros"] = 1
    path = desk.file("made.json", [form])
    ran = desk.run("submit", path)
    assert ran.code == 2
    assert f"{path} [0].fields.gros: is no field of MineOutput. Did you mean gross?" in ran.err
    assert desk.run("submit", desk.path / "nothing.json").code == 2
    assert desk.run("submit", desk.file("bad.json", "{")).code == 2
    assert desk.node.posts() == 0


def test_a_form_can_be_asked_for(desk: Desk) -> None:
    ran = desk.run("submit", "--template", "OfferTransfer")
    assert ran.code == 0
    assert list(ran.json["fields"]) == list(offer(LotId(bytes(16))).__struct_fields__)
    assert ran.json["fields"]["part_gross"].startswith("whole grams, such as ")
    assert ran.json["fields"]["buyer"] == "a member's id, such as mine-a"
    assert desk.run("submit", "--template", "OferTransfer").code == 2
    assert desk.run("submit").code == 2


def test_two_parties_sign_a_file_and_anybody_sends_it(desk: Desk) -> None:
    desk.profile(MINISTRY)
    desk.profile("newcomer")
    admission = desk.ledger.world.admission(
        "newcomer", activities=(Activity.MINING,), licences=("LIC-pit-new",)
    )
    desk.ledger.world.apply(MINISTRY, admission)
    records = desk.file("facility.json", [form_of(mine("newcomer", "pit-new"))])
    wish = desk.path / "facility.tx"
    saved = desk.run("submit", records, "--save", wish, "--profile", "newcomer")
    assert saved.code == 0
    assert "nothing was sent" in saved.out
    early = desk.run("send", wish, "--profile", MINE)
    assert early.code == 7
    assert "a signature of ministry" in early.err
    unasked = desk.run("countersign", wish, "--profile", MINISTRY)
    assert unasked.code == 2
    assert "no terminal to ask at" in unasked.err
    assert "RegisterFacility" in unasked.err
    assert desk.run("countersign", wish, "--profile", MINISTRY, "--yes").code == 0
    sent = desk.run("send", wish, "--profile", MINE)
    assert sent.code == 0, sent.err
    assert "of newcomer" in sent.out


def test_an_import_is_checked_then_done_then_adds_nothing(desk: Desk) -> None:
    path = desk.file("outputs.csv", sheet_text(SheetKind.OUTPUTS, small(1), small(2)))
    checked = desk.run("import", path, "--check")
    assert checked.code == 0
    assert "2 rows in 1 file: all in order\nnothing was sent" in checked.out
    assert desk.node.posts() == 0
    done = desk.run("import", path)
    assert done.code == 0
    assert "final: 2 records in 1 transaction, the newest" in done.out
    assert "2 of 2 rows done" in done.err
    assert "next: monazite lot show mine-a/BOX-2" in done.out
    assert desk.run("lot", "show", "mine-a/BOX-2").code == 0
    again = desk.run("import", path, "--json")
    assert (again.json["already"], again.json["records"]) == (2, 0)


def test_bad_cells_and_refused_rows_have_their_exit_codes(desk: Desk) -> None:
    bad = desk.file("bad.csv", sheet_text(SheetKind.OUTPUTS, small(1) | {"gross_g": "1,000"}))
    ran = desk.run("import", bad)
    assert ran.code == 2
    assert "bad.csv, row 2, column gross_g: '1,000':" in ran.err
    assert "Write 1000." in ran.err
    much = small(1) | {"gross_g": "9000000", "La_g": "2000000"}
    refused = desk.run(
        "import", desk.file("much.csv", sheet_text(SheetKind.OUTPUTS, much)), "--json"
    )
    assert refused.code == 7
    assert refused.json["error"]["problems"][0]["row"] == 2


def test_a_receipt_leaves_as_a_file_that_anybody_can_verify(desk: Desk) -> None:
    tx_id = desk.run("submit", desk.file("m.json", [form_of(output())]), "--json").json["tx_id"]
    out = desk.path / "receipt.bin"
    ran = desk.run("receipt", tx_id, "--out", out)
    assert ran.code == 0
    receipt = read_receipt(out.read_bytes(), trust_root_of(desk.ledger.genesis))
    assert receipt.tx_id.hex() == tx_id
    assert desk.run("receipt", "ab" * 32, "--out", out).code == 10
    assert desk.run("receipt", "nonsense", "--out", out).code == 2
    assert desk.run("receipt", tx_id, "--out", desk.path / "no" / "x").code == 2


def test_look_ups_answer_in_words_and_json(desk: Desk) -> None:
    desk.run("submit", desk.file("made.json", [form_of(output())]))
    for command, words, key, value in (
        (["lot", "show", "mine-a/C-1"], "1,000 kg gross, 500 kg of oxide", "reo", 500_000),
        (["member", "show", "mine-a"], "facility pit-a: mining", "id", "mine-a"),
        (["quota", "show", "2024", "rock-mining"], "left    1,500 kg", "left", 1_500_000),
        (["status"], "validators: customs, ministry", "network", NETWORK),
        (["profile", "show"], "member mine-a", "member", "mine-a"),
    ):
        shown = desk.run(*command)
        assert shown.code == 0, shown.err
        assert words in shown.out
        assert desk.run(*command, "--json").json[key] == value
    assert "8 members" in desk.run("member", "list").out
    assert len(desk.run("member", "list", "--json").json["members"]) == 8
    assert "1 MineOutput" in desk.run("block", "show", "13").out
    assert desk.run("block", "show", "13", "--json").json["header"]["height"] == 13
    for missing in (["member", "show", "x"], ["block", "show", "999"], ["lot", "show", "a/b"]):
        assert desk.run(*missing).code == 10
    assert "Did you mean rock_mining?" in desk.run("quota", "show", "2024", "rock").err
    swapped = desk.run("quota", "show", "mine-a", "2024", "rock_mining")
    assert swapped.code == 2
    assert "Did you mean `monazite quota show 2024 rock_mining mine-a`?" in swapped.err
    assert "Write YEAR BUCKET [MEMBER]" in desk.run("quota", "show", "x", "y").err


def test_a_node_of_another_network_is_named(desk: Desk) -> None:
    profile = load_profile("mine-a")
    other = desk.ledger.genesis.replace(b"Beijing", b"Baotou1")
    path = desk.file("other.json", other)
    node = profile.nodes[0]
    assert desk.run("profile", "add", "other", "--genesis", path, "--node", node).code == 0
    ran = desk.run("status", "--profile", "other")
    assert ran.code == 2
    assert "another network" in ran.err


def test_without_a_profile_a_node_can_still_be_asked(desk: Desk, config_directory: Path) -> None:
    (config_directory / "profiles").rename(config_directory / "away")
    ran = desk.run("status", "--node", desk.node.address)
    assert ran.code == 0
    assert "no genesis is pinned" in ran.err
    assert desk.run("status").code == 2


def test_a_profile_is_added_from_a_file_or_by_digest(desk: Desk) -> None:
    document = desk.file("genesis.json", desk.ledger.genesis)
    digest = plain_digest(desk.ledger.genesis).hex()
    node = desk.node.address
    added = desk.run(
        "profile", "add", "one", "--genesis", document, "--node", node, "--member", "x"
    )
    assert added.code == 0
    assert f"chain id {digest}" in added.out
    fetched = desk.run("profile", "add", "two", "--genesis", digest, "--node", node)
    assert fetched.code == 0
    wrong = desk.run("profile", "add", "three", "--genesis", "ab" * 32, "--node", node)
    assert wrong.code == 2
    assert "another network, or the node is not honest" in wrong.err
    assert desk.run("profile", "use", "two").code == 0
    assert "* two" in desk.run("profile", "list").out
    assert desk.run("profile", "use", "thre").code == 2
    bad_key = desk.run(
        "profile", "add", "four", "--genesis", document, "--node", node, "--key", "x"
    )
    assert "write ROLE=FILE" in bad_key.err
    no_key = desk.run(
        *("profile", "add", "four", "--genesis", document, "--node", node),
        *("--key", f"operator={desk.path / 'nothing.pem'}"),
    )
    assert no_key.code == 2
    assert "there is no file" in no_key.err
    assert desk.run("profile", "show", "four").code == 2
    bad_member = desk.run(
        "profile", "add", "four", "--genesis", document, "--node", node, "--member", "X Y"
    )
    assert "is no member id" in bad_member.err


def test_a_key_is_made_shown_and_ready_to_be_registered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = desk.file("passphrase", "four words are better\n")
    path = desk.path / "sealing.pem"
    made = desk.run(
        *("key", "new", path, "--role", "sealing", "--passphrase-file", secret, "--json")
    )
    assert made.code == 0, made.err
    body = made.json
    assert body["encrypted"] is True
    record = {"type": "AddKey", "fields": {"owner": MINE, "new": body["new_key"]}}
    admin = desk.path / "admin.pem"
    write_key_file(admin, seed_of(MINE, Role.ADMIN), None)
    desk.run("profile", "use", "mine-a")
    profile = load_profile("mine-a").directory / "profile.toml"
    profile.write_text(profile.read_text() + f'admin = "{admin}"\n')
    added = desk.run("submit", desk.file("key.json", [record]))
    assert added.code == 0, added.err
    shown = desk.run("key", "show", path, "--passphrase-file", secret)
    assert body["public_key"] in shown.out
    wrong = desk.run("key", "show", path, "--passphrase-file", desk.file("wrong", "not this one\n"))
    assert wrong.code == 2
    assert "the passphrase is wrong" in wrong.err
    monkeypatch.setenv("MONAZITE_PASSPHRASE", "four words are better")
    assert desk.run("key", "show", path).code == 0
    assert load_seed(path, passphrase_source(file=secret))


def test_an_unencrypted_key_is_made_only_when_asked_for_and_with_a_warning(desk: Desk) -> None:
    path = desk.path / "demo.pem"
    made = desk.run("key", "new", path, "--unencrypted-for-demo")
    assert made.code == 0
    assert "NOT ENCRYPTED" in made.out
    assert "whoever reads the file can sign" in made.err
    assert desk.run("key", "new", path, "--unencrypted-for-demo").code == 2
    role = desk.run(
        "key", "new", desk.path / "x.pem", "--role", "operatr", "--unencrypted-for-demo"
    )
    assert "Did you mean operator?" in role.err
    path.chmod(0o644)
    assert "chmod 600" in desk.run("key", "show", path).err


def test_an_outbox_is_listed_and_resumed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.file("made.json", [form_of(output())])
    assert "the outbox is empty" in desk.run("outbox", "list").out
    saved = desk.path / "made.tx"
    desk.run("submit", path, "--save", saved)
    outbox = load_profile("mine-a").outbox_directory
    outbox.mkdir()
    tx_id = desk.run("countersign", saved, "--yes", "--json").json["tx_id"]
    (outbox / f"{tx_id}.tx").write_bytes(saved.read_bytes())
    listed = desk.run("outbox", "list")
    assert tx_id in listed.out
    noted = desk.run("import", desk.file("none.csv", ""))
    assert "1 transaction of an earlier run is in the outbox" in noted.err
    resumed = desk.run("outbox", "resume")
    assert resumed.code == 0
    assert f"{tx_id}  final in block" in resumed.out
    assert "the outbox was empty" in desk.run("outbox", "resume").out
    (outbox / f"{tx_id}.tx").write_bytes(saved.read_bytes())
    again = desk.run("outbox", "resume", "--json")
    assert again.json["transactions"][0]["state"] == "final"


def test_a_profile_that_only_reads_cannot_write(desk: Desk) -> None:
    desk.profile(None)
    ran = desk.run("submit", desk.file("m.json", [form_of(output())]), "--profile", "reader")
    assert ran.code == 2
    assert "it only reads" in ran.err


def test_an_answer_that_does_not_verify_is_exit_code_3(desk: Desk) -> None:
    tx_id = desk.run("submit", desk.file("m.json", [form_of(output())]), "--json").json["tx_id"]
    other = desk.ledger.genesis.replace(b"Beijing", b"Baotou1")
    path = desk.file("other.json", other)
    desk.run("profile", "add", "other", "--genesis", path, "--node", desk.node.address)
    ran = desk.run("receipt", tx_id, "--out", desk.path / "r", "--profile", "other", "--json")
    assert ran.code == 3
    assert ran.json["error"]["code"] == "unverified"
    assert not (desk.path / "r").exists()


def test_a_trace_is_proven_when_asked_for(desk: Desk) -> None:
    desk.run("submit", desk.file("made.json", [form_of(output())]))
    shown = desk.run("trace", "mine-a/C-1", "--prove")
    assert shown.code == 0
    assert "all 1 records are proven by receipts" in shown.out
    proven = desk.run("trace", "mine-a/C-1", "--prove", "--json").json["proven"]
    assert proven == {"records": 1, "transactions": 1}
