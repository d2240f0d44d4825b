"""Receipts: every step of the way from a record to a certificate is checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.wire.certificate import Certificate, CertificateKind
from ledger.wire.codec import decode, encode
from ledger.wire.errors import WireError
from ledger.wire.receipt import (
    Anchor,
    Placement,
    Receipt,
    RecordReceipt,
    verify_receipt,
)
from ledger.wire.scalars import ChainId
from ledger.wire.validators import ValidatorSet

VECTORS = Path(__file__).parents[2] / "conformance" / "vectors"
STORED: dict[str, Any] = json.loads((VECTORS / "receipts.json").read_text(encoding="utf-8"))
CHAIN = ChainId(bytes.fromhex(STORED["chain_id"]))
VALIDATORS = decode(ValidatorSet, bytes.fromhex(STORED["validators"]))


def stored(name: str) -> Receipt | RecordReceipt:
    data = bytes.fromhex(STORED["receipts"][name])
    return decode(RecordReceipt, data) if name == "record" else decode(Receipt, data)


OWN, LATER, RECORD = (
    stored("transaction"),
    stored("transaction_anchored_later"),
    stored("record"),
)


def refused(receipt: Receipt | RecordReceipt, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        verify_receipt(receipt, chain_id=CHAIN, validators=VALIDATORS)


def placed(receipt: Receipt | RecordReceipt, **fields: object) -> Receipt | RecordReceipt:
    placement: Placement = msgspec.structs.replace(receipt.placement, **fields)
    return msgspec.structs.replace(receipt, placement=placement)


def anchored(receipt: Receipt | RecordReceipt, **fields: object) -> Receipt | RecordReceipt:
    anchor: Anchor = msgspec.structs.replace(receipt.placement.anchor, **fields)
    return placed(receipt, anchor=anchor)


@pytest.mark.parametrize("receipt", [OWN, LATER, RECORD])
def test_a_true_receipt_proves_where_the_transaction_stands(
    receipt: Receipt | RecordReceipt,
) -> None:
    place = verify_receipt(receipt, chain_id=CHAIN, validators=VALIDATORS)
    assert (place.height, place.index) == (1, 2)


@pytest.mark.parametrize("receipt", [OWN, LATER, RECORD])
def test_another_chain_or_validator_set_proves_nothing(receipt: Receipt | RecordReceipt) -> None:
    with pytest.raises(WireError, match="chain"):
        verify_receipt(receipt, chain_id=ChainId(bytes(32)), validators=VALIDATORS)
    fewer = ValidatorSet(validators=VALIDATORS.validators[:3])
    with pytest.raises(WireError, match="validator set"):
        verify_receipt(receipt, chain_id=CHAIN, validators=fewer)


@pytest.mark.parametrize("receipt", [OWN, LATER, RECORD])
def test_the_place_in_the_block_is_proven(receipt: Receipt | RecordReceipt) -> None:
    for index in (0, 1, 3, 4):
        refused(placed(receipt, index=index), "transaction in block 1")
    path = receipt.placement.path
    for other in (path[:-1], path[::-1], (*path, path[0]), ()):
        refused(placed(receipt, path=other), "transaction in block 1")


@pytest.mark.parametrize("receipt", [LATER, RECORD])
def test_the_place_in_the_log_is_proven(receipt: Receipt | RecordReceipt) -> None:
    path = receipt.placement.anchor.log_path
    for other in (path[:-1], path[::-1], ()):
        refused(anchored(receipt, log_path=other), "block 1 in the log")


def test_an_anchor_stands_above_its_block() -> None:
    refused(anchored(LATER, header=LATER.placement.header), "is not above block 1")
    below = msgspec.structs.replace(LATER.placement.header, height=0)
    refused(anchored(LATER, header=below), "is not above block 1")


def test_a_path_needs_a_later_header() -> None:
    refused(anchored(OWN, log_path=(bytes(32),)), "log path without a later header")
    refused(anchored(LATER, header=None), "log path without a later header")
    refused(anchored(LATER, header=None, log_path=()), "another block than the certified header")


def test_the_certificate_is_a_finalization_of_that_header() -> None:
    final = OWN.placement.anchor.certificate
    for kind in (CertificateKind.NOTARIZATION, CertificateKind.NULLIFICATION):
        wrong: Certificate = msgspec.structs.replace(final, kind=kind)
        refused(anchored(OWN, certificate=wrong), "a finalization is needed")
    nameless = msgspec.structs.replace(final, point=None)
    refused(anchored(OWN, certificate=nameless), "a finalization is needed")
    swapped = LATER.placement.anchor.certificate
    refused(anchored(OWN, certificate=swapped), "another block than the certified header")


def test_a_height_that_the_certificate_does_not_share_is_refused() -> None:
    final = OWN.placement.anchor.certificate
    assert final.point is not None
    point = msgspec.structs.replace(final.point, height=7)
    wrong = msgspec.structs.replace(final, point=point)
    refused(anchored(OWN, certificate=wrong), "height is not the certified header's")


@pytest.mark.parametrize("index", [0, 2, 3])
def test_a_shown_record_stands_where_it_says(index: int) -> None:
    assert isinstance(RECORD, RecordReceipt)
    opening = msgspec.structs.replace(RECORD.opening, index=index)
    refused(msgspec.structs.replace(RECORD, opening=opening), f"record {index}")


@pytest.mark.parametrize("field", ["salt", "record"])
def test_a_shown_record_is_the_one_that_was_signed(field: str) -> None:
    assert isinstance(RECORD, RecordReceipt)
    value: bytes = getattr(RECORD.opening, field)
    opening = msgspec.structs.replace(
        RECORD.opening, **{field: value[:-1] + bytes([value[-1] ^ 1])}
    )
    refused(msgspec.structs.replace(RECORD, opening=opening), "record 1")


def test_the_other_records_do_not_show() -> None:
    assert isinstance(OWN, Receipt)
    data: bytes = encode(RECORD)
    for index, record in enumerate(OWN.signed.transaction.records):
        assert (record in data) == (index == 1)
    assert bytes(OWN.signed.transaction.nonce) not in data


@pytest.mark.parametrize("name", ["transaction", "transaction_anchored_later", "record"])
@settings(max_examples=120, deadline=None)
@given(position=st.integers(0, 10**6), difference=st.integers(1, 255))
def test_a_changed_byte_anywhere_is_refused(name: str, position: int, difference: int) -> None:
    data = bytearray(encode(stored(name)))
    data[position % len(data)] ^= difference
    kind: Any = RecordReceipt if name == "record" else Receipt
    with pytest.raises(WireError):
        verify_receipt(decode(kind, bytes(data)), chain_id=CHAIN, validators=VALIDATORS)


@pytest.mark.parametrize("receipt", [OWN, LATER, RECORD])
def test_a_receipt_of_another_version_is_not_read(receipt: Receipt | RecordReceipt) -> None:
    refused(msgspec.structs.replace(receipt, version=2), "version 2 is not known")
