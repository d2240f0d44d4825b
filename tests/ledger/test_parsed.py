"""A transaction that was read once."""

from __future__ import annotations

import pytest

from ledger.parsed import parse_transaction
from ledger.records import RULES, decode_record, fields_of, name_of, rule_of, work_units_of
from ledger.records.record import Record
from ledger.records.set_plan import SetPlan
from ledger.vocabulary import Bucket, Role
from ledger.wire.codec import encode
from ledger.wire.errors import InvalidSignatureError, NotCanonicalError
from ledger.wire.scalars import ChainId, Grams, MemberId, Nonce, SignatureBytes, TimeMs
from ledger.wire.transaction import (
    KeySignature,
    SignedTransaction,
    Transaction,
    sign_transaction,
    transaction_leaf,
    tx_id_of,
)
from tests.support.keys import key_of, sign_of
from tests.support.samples import greatest, least, wire_types
from tests.support.world import digest_of

PLAN = SetPlan(year=2024, bucket=Bucket.SEPARATION, total=Grams(1), document=digest_of("notice"))
SIGNING = {key_of("mine-a", Role.OPERATOR): sign_of("mine-a", Role.OPERATOR)}


def transaction(*records: bytes) -> Transaction:
    return Transaction(
        version=1,
        chain_id=ChainId(bytes(32)),
        author=MemberId("mine-a"),
        nonce=Nonce(bytes(16)),
        valid_until_ms=TimeMs(9),
        records=records,
    )


def test_its_names_are_those_of_the_wire() -> None:
    signed = sign_transaction(transaction(encode(PLAN), encode(PLAN)), SIGNING)
    parsed = parse_transaction(encode(signed))
    assert parsed.tx_id == tx_id_of(signed.transaction)
    assert parsed.leaf == transaction_leaf(parsed.tx_id, signed.signatures)
    assert parsed.records == (PLAN, PLAN)
    assert (parsed.author, parsed.valid_until_ms) == ("mine-a", 9)
    assert parsed.work_units == 2 * work_units_of(PLAN)


def test_signatures_are_checked_once_and_the_mark_stays() -> None:
    signed = sign_transaction(transaction(encode(PLAN)), SIGNING)
    parsed = parse_transaction(encode(signed))
    marks = [parsed.signatures_verified]
    parsed.verify_signatures()
    marks.append(parsed.signatures_verified)
    assert marks == [False, True]
    assert parsed.are_signatures_valid()


def test_a_bad_signature_leaves_no_mark() -> None:
    signed = sign_transaction(transaction(encode(PLAN)), SIGNING)
    forged = SignedTransaction(
        transaction=signed.transaction,
        signatures=(
            KeySignature(key=signed.signatures[0].key, signature=SignatureBytes(bytes(64))),
        ),
    )
    parsed = parse_transaction(encode(forged))
    with pytest.raises(InvalidSignatureError):
        parsed.verify_signatures()
    assert not parsed.are_signatures_valid()
    assert not parsed.signatures_verified


@pytest.mark.parametrize(
    "record",
    [b"\xc0", b"\x92\xcd\xff\xffx", encode([255, "a"]), encode(PLAN)[:-1], encode(PLAN) + b"\xc0"],
)
def test_a_record_of_no_known_type_is_no_transaction(record: bytes) -> None:
    signed = sign_transaction(transaction(encode(PLAN), record), SIGNING)
    with pytest.raises(NotCanonicalError):
        parse_transaction(encode(signed))


def test_every_record_type_has_a_rule_and_a_tag_of_its_own() -> None:
    kinds = wire_types(Record, package="ledger.records")
    assert sorted(rule.record.__name__ for rule in RULES) == [kind.__name__ for kind in kinds]
    tags = [rule.record.__struct_config__.tag for rule in RULES]
    assert len(set(tags)) == len(tags)
    assert all(type(tag) is int and tag > 0 for tag in tags)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.record.__name__)
def test_every_record_type_is_read_back_and_dispatched(rule: object) -> None:
    kind: type[Record] = getattr(rule, "record")  # noqa: B009 - a parametrized object
    for record in (least(kind), greatest(kind)):
        assert decode_record(encode(record)) == record
        assert rule_of(record) is rule
        assert work_units_of(record) >= 1
        assert name_of(record) == kind.__name__
        assert tuple(fields_of(record)) == kind.__struct_fields__


def test_only_answers_to_others_are_written_while_suspended() -> None:
    names = {rule.record.__name__ for rule in RULES if rule.while_suspended}
    assert names == {
        "AcceptTransfer", "Ballot", "Correct", "FileMonth", "Propose", "RejectTransfer",
    }  # fmt: skip
