"""Golden vectors: bytes and digests that must never change.

Each stored file is compared with what the code makes now; then the stored bytes are read back with
other means: the ``msgpack`` package, ``hashlib``, or the decoder. When a test here fails, the code is wrong,
or it founds another network: see ``scripts/regenerate_vectors``.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import msgspec
import pytest

from ledger.genesis import open_genesis
from ledger.wire.block import decode_block
from ledger.wire.certificate import Certificate, CertificateKind, verify_certificate
from ledger.wire.codec import decode, encode
from ledger.wire.receipt import Receipt, RecordReceipt, verify_receipt
from ledger.wire.scalars import ChainId, Epoch, PublicKey, SignatureBytes
from ledger.wire.signing import SigningDomain, is_signature_valid
from ledger.wire.transaction import (
    decode_signed_transaction,
    tx_id_of,
    verify_transaction_signatures,
)
from ledger.wire.validators import ValidatorSet
from tests.conformance.making import CHAIN_ID, FILES, every_wire_type, spelled
from tests.support.samples import greatest, least, plain

VECTORS = Path(__file__).parent / "vectors"


@lru_cache(maxsize=16)
def stored(name: str) -> Any:  # noqa: ANN401 - parsed JSON
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_the_stored_vectors_are_what_the_code_makes(name: str) -> None:
    assert (VECTORS / f"{name}.json").read_text(encoding="utf-8") == spelled(FILES[name]())


def test_every_stored_file_is_made() -> None:
    assert sorted(path.stem for path in VECTORS.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("kind", every_wire_type(), ids=lambda kind: kind.__name__)
def test_every_wire_type_is_spelled_as_stored(kind: type[msgspec.Struct]) -> None:
    vector = stored("encodings")[kind.__name__]
    for name, value in (("least", least(kind)), ("greatest", greatest(kind))):
        data = bytes.fromhex(vector[name])
        assert decode(kind, data) == value
        assert msgpack.unpackb(data, raw=False) == plain(value)
        assert msgpack.packb(plain(value), use_bin_type=True) == data


def test_a_transaction_id_can_be_computed_with_nothing_but_sha256() -> None:
    vector = stored("transactions")
    _version, chain_id, author, nonce, valid_until_ms, records, sealed = msgpack.unpackb(
        bytes.fromhex(vector["transaction"]), raw=False
    )

    def domain(name: bytes, *parts: bytes) -> bytes:
        return hashlib.sha256(bytes([len(name)]) + name + b"".join(parts)).digest()

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    salts = [
        domain(b"monazite/record-salt/1", nonce, index.to_bytes(4, "big")) for index in range(3)
    ]
    leaves = [
        hashlib.sha256(b"\x00" + salt + record).digest()
        for salt, record in zip(salts, records, strict=True)
    ]
    root = node(node(leaves[0], leaves[1]), leaves[2])
    head = msgpack.packb(
        [1, chain_id, author, valid_until_ms, 3, [domain(b"monazite/sealed/1", sealed[0])]]
    )
    tx_id = domain(b"monazite/tx/1", root, head)
    assert head.hex() == vector["head"]
    assert root.hex() == vector["records_root"]
    assert tx_id.hex() == vector["tx_id"]
    signatures = msgpack.unpackb(bytes.fromhex(vector["signed"]), raw=False)[1]
    leaf = hashlib.sha256(b"\x00" + tx_id + msgpack.packb(signatures)).hexdigest()
    assert leaf == vector["leaf"]


def test_the_stored_transaction_verifies() -> None:
    signed = decode_signed_transaction(bytes.fromhex(stored("transactions")["signed"]))
    verify_transaction_signatures(tx_id_of(signed.transaction), signed.signatures)


def test_the_stored_block_and_certificates_verify() -> None:
    vector = stored("blocks")
    block = decode_block(bytes.fromhex(vector["block"]))
    assert block.header.block_id.hex() == vector["block_id"]
    header_bytes = bytes.fromhex(vector["header"])
    name = b"monazite/header/1"
    block_id = hashlib.sha256(bytes([len(name)]) + name + header_bytes).hexdigest()
    assert block_id == vector["block_id"]
    validators = decode(ValidatorSet, bytes.fromhex(vector["validators"]))
    assert validators.digest.hex() == vector["validators_digest"]
    for kind in CertificateKind:
        data = bytes.fromhex(vector["certificates"][kind.name.lower()])
        certificate = decode(Certificate, data)
        assert certificate.kind is kind
        verify_certificate(certificate, chain_id=CHAIN_ID, epoch=Epoch(0), validators=validators)


def test_the_stored_receipts_verify() -> None:
    vector = stored("receipts")
    validators = decode(ValidatorSet, bytes.fromhex(vector["validators"]))
    chain_id = ChainId(bytes.fromhex(vector["chain_id"]))
    certified = {}
    for name, text in vector["receipts"].items():
        data = bytes.fromhex(text)
        receipt: Receipt | RecordReceipt = (
            decode(RecordReceipt, data) if name == "record" else decode(Receipt, data)
        )
        place = verify_receipt(receipt, chain_id=chain_id, validators=validators)
        assert (place.height, place.index) == (1, 2)
        certified[name] = place.certified_height
    assert certified == {"transaction": 1, "transaction_anchored_later": 3, "record": 3}


def test_the_stored_genesis_opens() -> None:
    vector = stored("genesis")
    data = vector["document"].encode()
    genesis = open_genesis(data)
    assert hashlib.sha256(data).hexdigest() == vector["chain_id"] == genesis.chain_id.hex()
    assert encode(genesis.header).hex() == vector["header"]


def signature_names() -> list[str]:
    return sorted(stored("signatures")["cases"])


@pytest.mark.parametrize("name", signature_names())
def test_an_odd_signature_is_judged_as_stored(name: str) -> None:
    case = stored("signatures")["cases"][name]
    accepted = is_signature_valid(
        PublicKey(bytes.fromhex(case["key"])),
        SigningDomain.TRANSACTION,
        bytes.fromhex(case["body"]),
        SignatureBytes(bytes.fromhex(case["signature"])),
    )
    assert accepted == case["accepted"]


def test_the_predicate_is_the_one_that_is_documented() -> None:
    cases = stored("signatures")["cases"]
    accepted = {name for name, case in cases.items() if case["accepted"]}
    for name in accepted:
        assert name == "plain" or ("mixed" in name and "equation holds" in name), name
    for name in set(cases) - accepted:
        is_mixed = "mixed" in name and "equation holds" in name
        assert not is_mixed or "R its multiple" in name, name
