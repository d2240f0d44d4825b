from __future__ import annotations

import json
from typing import Any

import pytest

from client.errors import FormError
from client.forms import (
    RECORD_TYPES,
    NamedLot,
    form_of,
    lot_names_in,
    read_forms,
    record_of,
    template_of,
)
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.add_key import AddKey
from ledger.records.grant_quota import GrantQuota
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.record import Record
from ledger.records.revoke_key import RevokeKey
from ledger.records.set_plan import SetPlan
from ledger.vocabulary import Bucket, Role
from ledger.wire.scalars import Grams, LotId, MemberId
from tests.support.founding import NETWORK, genesis_document
from tests.support.keys import new_key
from tests.support.trading import accept, cancel, offer, offer_part, output, reject, split
from tests.support.world import digest_of, grant, mine, ore_product

LOT = LotId(bytes(range(16)))
TRANSFER = LotId(bytes(16))
RECORDS: list[Record] = [
    output(),
    split(LOT, 1, 2),
    offer(LOT),
    offer(LOT, terms=digest_of("terms")),
    offer_part(LOT, 5),
    accept(LOT, TRANSFER),
    reject(LOT, TRANSFER),
    cancel(LOT, TRANSFER),
    mine("mine-a", "pit-a"),
    ore_product(),
    SetPlan(year=2024, bucket=Bucket.SEPARATION, total=Grams(1), document=digest_of("plan")),
    grant(2024, Bucket.ROCK_MINING, "mine-a", 5),
    AddKey(owner=MemberId("mine-a"), new=new_key(NETWORK, "mine-a", Role.SEALING)),
    RevokeKey(owner=MemberId("mine-a"), key=new_key(NETWORK, "m", Role.NODE).key, reason="lost"),
    *genesis_document().members,
]


def changed(record: Record, **fields: object) -> dict[str, Any]:
    form = form_of(record)
    form["fields"].update(fields)
    return form


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_form_is_another_way_of_writing_the_same_record(record: Record) -> None:
    form = form_of(record)
    assert record_of(json.loads(json.dumps(form))) == record


def test_there_is_a_template_for_every_type_that_names_every_field() -> None:
    for name, kind in RECORD_TYPES.items():
        assert list(template_of(name)["fields"]) == list(kind.__struct_fields__)


def test_people_write_days_words_elements_and_lots_as_they_are_used_to() -> None:
    form = {
        "type": "MineOutput",
        "fields": {
            **form_of(output())["fields"],
            "period_from": "2024-03-01",
            "elements": {"ce": 2, "La": 1},
        },
    }
    record = record_of(form)
    assert form_of(record)["fields"]["elements"] == {"La": 1, "Ce": 2}
    assert form_of(record)["fields"]["period_from"] == "2024-03-01"


def test_a_lot_may_be_named_and_its_open_transfer_left_out() -> None:
    form = changed(accept(LOT, TRANSFER), lot="mine-a/BOX-17")
    del form["fields"]["transfer"]
    assert lot_names_in([form, form, "nonsense"]) == ("mine-a/BOX-17",)
    record = record_of(form, lots={"mine-a/BOX-17": NamedLot(LOT, TRANSFER)})
    assert isinstance(record, AcceptTransfer)
    assert (record.lot, record.transfer) == (LOT, TRANSFER)
    with pytest.raises(FormError, match=r"fields.transfer: is missing"):
        record_of(form, lots={"mine-a/BOX-17": NamedLot(LOT)})
    with pytest.raises(FormError, match=r"'mine-a/BOX-17'|mine-a/BOX-17.*not hexadecimal"):
        record_of(form)


def test_a_field_that_may_be_null_may_be_left_out() -> None:
    form = form_of(offer(LOT))
    del form["fields"]["terms"]
    record = record_of(form)
    assert isinstance(record, OfferTransfer)
    assert record.terms is None


def test_times_are_read_as_people_write_them() -> None:
    form = form_of(AddKey(owner=MemberId("m"), new=new_key(NETWORK, "m", Role.SEALING)))
    form["fields"]["new"]["valid_from_ms"] = "2024-03-05T08:00:00.250+08:00"
    record = record_of(form)
    assert isinstance(record, AddKey)
    assert record.new.valid_from_ms == 1_709_596_800_250


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        (7, "a record is an object"),
        ({"type": "OfferTransfer"}, "`fields` is missing"),
        ({"fields": {}}, "`type` is missing"),
        ({"type": "OfferTransfer", "fields": []}, "`fields` is missing"),
        ({"type": "OferTransfer", "fields": {}}, "Did you mean OfferTransfer"),
        ({"type": "OfferTransfer", "fields": {}, "lot": 1}, r"\[0\].lot: is not known"),
        (changed(offer(LOT), buyr="x"), "buyr: is no field.*Did you mean buyer"),
        (changed(offer(LOT), buyer=None), "buyer: must not be null"),
        (changed(offer(LOT), buyer="No Such"), r"buyer: \"No Such\" is not allowed"),
        (changed(offer(LOT), buyer=7), "buyer: a text is needed, not 7"),
        (changed(offer(LOT), purpose="sail"), "purpose: .*Did you mean sale"),
        (changed(offer(LOT), purpose=1), "purpose: 1 is none of"),
        (changed(offer(LOT), date="2024-02-30"), "date: .*a day such as"),
        (changed(offer(LOT), date=20240230), "date: 20240230 is no day"),
        (changed(offer(LOT), date="5.3.2024"), "date: "),
        (changed(offer(LOT), date=True), "date: true does not fit"),
        (changed(offer(LOT), part_gross=1.5), "part_gross: 1.5 does not fit"),
        (changed(offer(LOT), part_gross="12"), 'part_gross: "12" does not fit'),
        (changed(offer(LOT), part_gross=-1), "part_gross: -1 is not allowed"),
        (changed(offer(LOT), part_gross=2**70), "part_gross: "),
        (changed(offer(LOT), lot="xyz"), 'lot: "xyz" is not hexadecimal.*creator/code'),
        (changed(offer(LOT), lot="ab"), "lot: "),
        (changed(offer(LOT), invoice="a b"), "invoice: "),
        (changed(split(LOT, 1, 2), children={}), "children: a list is needed"),
        (changed(split(LOT, 1, 2), children=[1, 2]), r"children\[0\]: an object is needed"),
        (changed(split(LOT, 1, 2), children=[{"gross": 1}]), r"children\[0\].code: is missing"),
        (changed(output(), elements={"Xx": 1}), r"elements\[0\]\[0\]: \"Xx\" is none of"),
        (changed(output(), elements=[["La"]]), r"elements\[0\]: 2 entries are needed, not 1"),
    ],
)
def test_a_bad_form_is_named_by_its_place(form: object, complaint: str) -> None:
    with pytest.raises(FormError, match=complaint):
        record_of(form, "[0]")


def test_a_file_holds_one_form_a_list_or_an_object_of_records() -> None:
    one = form_of(output())
    for tree in (one, [one], {"records": [one]}):
        assert read_forms(json.dumps(tree).encode()) == [one]
    assert read_forms(b"\xef\xbb\xbf" + json.dumps(one).encode()) == [one]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON in UTF-8"),
        (b"[]", "holds no record"),
        (b'{"records": [], "more": 1}', "more: is not known"),
        (b'{"type": 1, "type": 2}', "stands twice"),
        (b"[" * 100_000, "no JSON"),
        (b" " * (16 * 1024 * 1024 + 1), "at most"),
    ],
)
def test_a_file_that_holds_no_forms_is_named(data: bytes, complaint: str) -> None:
    with pytest.raises(FormError, match=complaint):
        read_forms(data)


def test_an_unknown_template_is_answered_with_a_suggestion() -> None:
    with pytest.raises(FormError, match="Did you mean GrantQuota"):
        template_of("GrantQota")
    assert template_of("GrantQuota")["type"] == GrantQuota.__name__
