"""How the golden vectors are made: from fixed inputs, by the code of this checkout.

Each function returns one file of ``tests/conformance/vectors``. The tests compare what is made here with what
is stored there: a difference means that bytes changed which stand in every ledger that exists, so it
is either a mistake or another network. Making the files anew is deliberate: ``scripts/regenerate_vectors``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import EnumType, IntEnum
from typing import Any, Final

import msgspec

import ledger.genesis
import ledger.records
import ledger.state.lot_indexes
import ledger.state.tables
import ledger.vocabulary
import ledger.wire.receipt
from ledger.genesis import open_genesis
from ledger.member_months import encode_month_place, extended_month
from ledger.month_totals import EMPTY_MONTH
from ledger.records import RULES
from ledger.records.record import Record
from ledger.records.set_plan import SetPlan
from ledger.state.tables import TABLES
from ledger.vocabulary import Bucket, Role
from ledger.wire.block import Block, Header, Point
from ledger.wire.certificate import (
    DOMAIN_OF_KIND,
    Certificate,
    CertificateKind,
    nullify_body,
    point_body,
    verify_certificate,
)
from ledger.wire.codec import WireStruct, encode
from ledger.wire.hashing import Domain, digest
from ledger.wire.merkle import inclusion_path, leaf_hash, merkle_root
from ledger.wire.possession import possession_body, prove_possession
from ledger.wire.receipt import (
    Anchor,
    Placement,
    Receipt,
    RecordOpening,
    RecordReceipt,
    verify_receipt,
)
from ledger.wire.scalars import (
    BlockId,
    ChainId,
    Digest,
    Epoch,
    Grams,
    Height,
    MemberId,
    Nonce,
    TimeMs,
    ValidatorIndex,
    View,
)
from ledger.wire.signing import SigningDomain, public_key_of, signer
from ledger.wire.state_proof import OtherLeaf, ProofLevel, StateProof
from ledger.wire.transaction import (
    SignedTransaction,
    Transaction,
    head_of,
    lot_id_of,
    record_leaves,
    record_salt,
    sealed_digest,
    sign_transaction,
    transaction_leaf,
    tx_id_of,
)
from ledger.wire.validators import Validator, ValidatorSet
from tests.conformance.signature_cases import signature_cases
from tests.support.founding import FOUNDERS, MINISTRY, NETWORK, genesis_bytes
from tests.support.keys import key_of, sign_of
from tests.support.samples import greatest, least, wire_types

Vectors = dict[str, Any]
CHAIN_ID: Final = ChainId(bytes(range(32)))
PROOF_TYPES: Final[tuple[type[msgspec.Struct], ...]] = (ProofLevel, OtherLeaf, StateProof)


def every_wire_type() -> list[type[msgspec.Struct]]:
    """Return every type that the ledger signs, hashes, sends or stores, by name."""
    kinds = [*wire_types(WireStruct, package="ledger."), *PROOF_TYPES]
    return sorted(kinds, key=lambda kind: kind.__name__)


def encodings() -> Vectors:
    """Least and greatest value of every wire type."""
    return {
        kind.__name__: {
            "fields": list(kind.__struct_fields__),
            "tag": kind.__struct_config__.tag,
            "least": encode(least(kind)).hex(),
            "greatest": encode(greatest(kind)).hex(),
        }
        for kind in every_wire_type()
    }


def numbering() -> Vectors:
    """Numbers that stand in every ledger: tags of records, prefixes of tables, enumerations."""
    return {
        "record_tags": {rule.record.__name__: rule.record.__struct_config__.tag for rule in RULES},
        "table_prefixes": {table.name: table.prefix.decode() for table in TABLES},
        "enumerations": {
            name: {member.name.lower(): int(member) for member in kind}
            for name, kind in sorted(vars(ledger.vocabulary).items())
            if isinstance(kind, EnumType) and issubclass(kind, IntEnum) and kind is not IntEnum
        },
        "hash_domains": {domain.name: domain.value.decode() for domain in Domain},
        "signing_domains": {domain.name: domain.value.decode() for domain in SigningDomain},
    }


def hashing() -> Vectors:
    """Digests of every domain, of a lot id and of a member's month."""
    place = encode_month_place(tx_id_of(_transaction()), 1, Height(7))
    first = extended_month(EMPTY_MONTH, place, TimeMs(1_704_153_600_001))
    second = extended_month(first, place, TimeMs(1_704_153_600_002))
    return {
        "digests": {
            domain.name: digest(domain, b"first part", b"second part").hex() for domain in Domain
        },
        "lot_id": lot_id_of(tx_id_of(_transaction()), 2, 3).hex(),
        "sealed": sealed_digest(b"ciphertext").hex(),
        "member_month": {
            "place": place.hex(),
            "first": first.digest.hex(),
            "second": second.digest.hex(),
        },
    }


def _transaction() -> Transaction:
    records: list[Record] = [
        SetPlan(year=2024, bucket=bucket, total=Grams(1_000 + bucket), document=Digest(bytes(32)))
        for bucket in Bucket
    ]
    return Transaction(
        version=1,
        chain_id=CHAIN_ID,
        author=MINISTRY,
        nonce=Nonce(bytes(range(0xA0, 0xB0))),
        valid_until_ms=TimeMs(1_704_240_000_000),
        records=tuple(map(encode, records)),
        sealed=(b"ciphertext",),
    )


def _signed() -> SignedTransaction:
    return sign_transaction(
        _transaction(),
        {key_of(MINISTRY, role): sign_of(MINISTRY, role) for role in (Role.OPERATOR, Role.ADMIN)},
    )


def transactions() -> Vectors:
    """A transaction with three records and an attachment, and everything derived from it."""
    signed = _signed()
    transaction = signed.transaction
    leaves = record_leaves(transaction)
    tx_id = tx_id_of(transaction)
    return {
        "transaction": encode(transaction).hex(),
        "head": encode(head_of(transaction)).hex(),
        "salts": [record_salt(transaction.nonce, index).hex() for index in range(3)],
        "record_leaves": [leaf.hex() for leaf in leaves],
        "records_root": merkle_root(leaves).hex(),
        "tx_id": tx_id.hex(),
        "signed": encode(signed).hex(),
        "leaf": transaction_leaf(tx_id, signed.signatures).hex(),
    }


def _validators() -> ValidatorSet:
    return ValidatorSet(
        validators=tuple(
            Validator(name=member, member=member, consensus_key=key_of(member, Role.CONSENSUS))
            for member in FOUNDERS
        )
    )


def _header(height: int, parent: BlockId, leaves: list[bytes], log: list[bytes]) -> Header:
    validators = _validators()
    return Header(
        version=1,
        chain_id=CHAIN_ID,
        epoch=Epoch(0),
        validators_digest=validators.digest,
        height=Height(height),
        view=View(height + 2),
        parent=parent,
        time_ms=TimeMs(1_704_153_600_000 + height),
        proposer=ValidatorIndex(1),
        rules_version=1,
        tx_count=len(leaves),
        tx_root=Digest(merkle_root(leaves)),
        state_root=Digest(bytes(32)),
        log_root=Digest(merkle_root(log)),
        next_validators_digest=validators.digest,
        flags=0,
    )


def _certificate(kind: CertificateKind, header: Header, signers: tuple[int, ...]) -> Certificate:
    validators = _validators()
    point = Point(
        epoch=header.epoch,
        view=header.view,
        parent_view=View(header.view - 1),
        height=header.height,
        block_id=header.block_id,
    )
    if kind is CertificateKind.NULLIFICATION:
        body = nullify_body(CHAIN_ID, validators, header.epoch, header.view)
    else:
        body = point_body(CHAIN_ID, validators, point)
    certificate = Certificate(
        kind=kind,
        epoch=header.epoch,
        view=header.view,
        point=None if kind is CertificateKind.NULLIFICATION else point,
        signers=sum(1 << index for index in signers),
        signatures=tuple(
            sign_of(FOUNDERS[index], Role.CONSENSUS)(DOMAIN_OF_KIND[kind], body)
            for index in signers
        ),
    )
    verify_certificate(certificate, chain_id=CHAIN_ID, epoch=Epoch(0), validators=validators)
    return certificate


def blocks() -> Vectors:
    """A validator set, a block of one transaction, a later header, and every kind of certificate."""
    signed = _signed()
    leaf = transaction_leaf(tx_id_of(signed.transaction), signed.signatures)
    below = _header(0, BlockId(bytes(32)), [], [])
    header = _header(1, below.block_id, [leaf], [leaf_hash(encode(below))])
    return {
        "validators": encode(_validators()).hex(),
        "validators_digest": _validators().digest.hex(),
        "header": encode(header).hex(),
        "block_id": header.block_id.hex(),
        "block": encode(Block(header=header, transactions=(encode(signed),))).hex(),
        "certificates": {
            kind.name.lower(): encode(_certificate(kind, header, (0, 1, 3))).hex()
            for kind in CertificateKind
        },
    }


def receipts() -> Vectors:
    """Receipts for a transaction and for one record, anchored in the block itself and later."""
    signed = _signed()
    tx_id = tx_id_of(signed.transaction)
    leaves: list[bytes] = [bytes([number]) * 32 for number in range(4)]
    leaves[2] = transaction_leaf(tx_id, signed.signatures)
    log: list[bytes] = []
    headers: list[Header] = []
    for height in range(4):
        parent = headers[-1].block_id if headers else BlockId(bytes(32))
        headers.append(_header(height, parent, leaves if height == 1 else [], log))
        log = [*log, leaf_hash(encode(headers[-1]))]

    def anchored(anchor: Anchor) -> Placement:
        path = inclusion_path(leaves, 2)
        return Placement(index=2, path=_digests(path), header=headers[1], anchor=anchor)

    own = Anchor(
        header=None,
        certificate=_certificate(CertificateKind.FINALIZATION, headers[1], (0, 1, 2)),
        log_path=(),
    )
    later = Anchor(
        header=headers[3],
        certificate=_certificate(CertificateKind.FINALIZATION, headers[3], (0, 1, 2, 3)),
        log_path=_digests(inclusion_path(log[:3], 1)),
    )
    transaction = signed.transaction
    record_hashes = record_leaves(transaction)
    opening = RecordOpening(
        index=1,
        salt=record_salt(transaction.nonce, 1),
        record=transaction.records[1],
        path=_digests(inclusion_path(record_hashes, 1)),
    )
    made: dict[str, Receipt | RecordReceipt] = {
        "transaction": Receipt(version=1, signed=signed, placement=anchored(own)),
        "transaction_anchored_later": Receipt(version=1, signed=signed, placement=anchored(later)),
        "record": RecordReceipt(
            version=1,
            head=head_of(transaction),
            opening=opening,
            records_root=Digest(merkle_root(record_hashes)),
            signatures=signed.signatures,
            placement=anchored(later),
        ),
    }
    for receipt in made.values():
        verify_receipt(receipt, chain_id=CHAIN_ID, validators=_validators())
    return {
        "chain_id": CHAIN_ID.hex(),
        "validators": encode(_validators()).hex(),
        "receipts": {name: encode(receipt).hex() for name, receipt in made.items()},
    }


def _digests(path: tuple[bytes, ...]) -> tuple[Digest, ...]:
    return tuple(map(Digest, path))


def possession() -> Vectors:
    """A proof of possession for each role."""
    key = key_of(MINISTRY, Role.ADMIN)
    return {
        "network": NETWORK,
        "member": MINISTRY,
        "key": key.hex(),
        "proofs": {
            role.name.lower(): {
                "body": possession_body(NETWORK, MINISTRY, role, key).hex(),
                "proof": prove_possession(
                    sign_of(MINISTRY, Role.ADMIN),
                    network=NETWORK,
                    member=MINISTRY,
                    role=role,
                    key=key,
                ).hex(),
            }
            for role in Role
        },
        "text_of_two_bytes": possession_body("réseau", MemberId("a"), Role.ADMIN, key).hex(),
    }


def genesis() -> Vectors:
    """A genesis document and the block 0 that follows from it."""
    opened = open_genesis(genesis_bytes())
    return {
        "document": genesis_bytes().decode(),
        "chain_id": opened.chain_id.hex(),
        "validators_digest": opened.validators.digest.hex(),
        "state_root": opened.header.state_root.hex(),
        "header": encode(opened.header).hex(),
        "block_id": opened.header.block_id.hex(),
        "rows": {
            key.hex(): value.hex()
            for key, value in sorted(opened.overlay.values.items())
            if value is not None
        },
    }


def signatures() -> Vectors:
    """Ed25519: the vectors of RFC 8032, and signatures that implementations disagree about."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    return {
        "rfc8032_test_1": {
            "seed": seed.hex(),
            "key": public_key_of(seed).hex(),
        },
        "domains": {domain.name: signer(seed)(domain, b"body").hex() for domain in SigningDomain},
        "cases": signature_cases(),
    }


FILES: Final[dict[str, Callable[[], Vectors]]] = {
    "blocks": blocks,
    "encodings": encodings,
    "genesis": genesis,
    "hashing": hashing,
    "numbering": numbering,
    "possession": possession,
    "receipts": receipts,
    "signatures": signatures,
    "transactions": transactions,
}
"""Every file of vectors by its name without ``.json``."""


def spelled(vectors: Vectors) -> str:
    """Return the content of a file of vectors."""
    return json.dumps(vectors, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
