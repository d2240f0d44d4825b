"""Receipts: proof that a transaction, or one record of it, is final on the ledger.

A receipt is checked offline against nothing but the chain id and the validator set that the reader
trusts. It leads from the record to the transaction (``RecordOpening``, the other records stay
hidden), from the transaction into the header of its block, and from there to a *certified* header:
the block's own, or a later one whose ``log_root`` contains it. A record on the ledger has taken
effect: blocks hold only transactions that apply (D1).

    record --salted path--> tx_id --path--> tx_root in header h --log path--> header h' --> certificate

This version knows one validator set; receipts across changes of the set will carry the sealing
headers in ``Anchor``.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.wire.block import Header
from ledger.wire.certificate import CertificateKind, FinalityProof, verify_certificate
from ledger.wire.codec import WireStruct, encode
from ledger.wire.errors import InvalidCertificateError, WireError
from ledger.wire.merkle import ProofError, leaf_hash, verify_inclusion
from ledger.wire.scalars import (
    RECORDS_PER_TRANSACTION_MAX,
    ChainId,
    CountField,
    DigestField,
    Height,
    MerklePathField,
    TimeMs,
    TxId,
    VersionField,
)
from ledger.wire.transaction import (
    RecordBytes,
    Signatures,
    SignedTransaction,
    TransactionHead,
    record_leaf,
    transaction_leaf,
    tx_id_from_head,
    tx_id_of,
    verify_transaction_signatures,
)
from ledger.wire.validators import ValidatorSet

RECEIPT_VERSION: Final = 1


class InvalidReceiptError(WireError):
    """A receipt does not prove what it claims."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"receipt: {reason}")


class Anchor(WireStruct, frozen=True, array_like=True):
    """A certified header at or above the block of the receipt."""

    header: Header | None
    """The certified header; None when the block's own header is certified."""
    certificate: FinalityProof
    log_path: MerklePathField
    """From the block's header into the certified header's ``log_root``; empty when it is the same."""


class Placement(WireStruct, frozen=True, array_like=True):
    """Where a transaction stands, and why that is final."""

    index: CountField
    """Position in the block."""
    path: MerklePathField
    """From the transaction's leaf to the header's ``tx_root``."""
    header: Header
    anchor: Anchor


class Receipt(WireStruct, frozen=True, array_like=True, tag=1):
    """Proof for a whole transaction."""

    version: VersionField
    signed: SignedTransaction
    placement: Placement


class RecordOpening(WireStruct, frozen=True, array_like=True):
    """One record of a transaction, with its path to the transaction id."""

    index: Annotated[int, Meta(ge=0, lt=RECORDS_PER_TRANSACTION_MAX)]
    salt: DigestField
    record: RecordBytes
    path: MerklePathField


class RecordReceipt(WireStruct, frozen=True, array_like=True, tag=2):
    """Proof for one record; the other records of its transaction stay hidden."""

    version: VersionField
    head: TransactionHead
    opening: RecordOpening
    records_root: DigestField
    signatures: Signatures
    placement: Placement


class ProvenPlace(msgspec.Struct, frozen=True):
    """What a verified receipt proves."""

    tx_id: TxId
    height: Height
    time_ms: TimeMs
    index: int
    certified_height: Height
    """The height of the certified header; a later one than ``height`` anchors more."""


def verify_receipt(
    receipt: Receipt | RecordReceipt, *, chain_id: ChainId, validators: ValidatorSet
) -> ProvenPlace:
    """Check a receipt against the chain and the validator set that the reader trusts.

    Raises:
        WireError: ``InvalidReceiptError`` or ``InvalidCertificateError`` or ``InvalidSignatureError``,
            naming the step that fails.
    """
    if receipt.version != RECEIPT_VERSION:
        raise InvalidReceiptError(
            f"version {receipt.version} is not known, this program reads {RECEIPT_VERSION}"
        )
    if receipt.version != RECEIPT_VERSION:
        raise InvalidReceiptError(
            f"version {receipt.version} is not known here, only {RECEIPT_VERSION}"
        )
    if isinstance(receipt, Receipt):
        tx_id = tx_id_of(receipt.signed.transaction)
        signatures = receipt.signed.signatures
        said_chain = receipt.signed.transaction.chain_id
    else:
        tx_id = _tx_id_of_opening(receipt)
        signatures = receipt.signatures
        said_chain = receipt.head.chain_id
    if said_chain != chain_id:
        raise InvalidReceiptError(
            f"the transaction is for chain {said_chain.hex()}, expected {chain_id.hex()}"
        )
    verify_transaction_signatures(tx_id, signatures)
    leaf = transaction_leaf(tx_id, signatures)
    return _verify_placement(receipt.placement, tx_id, leaf, chain_id, validators)


def _tx_id_of_opening(receipt: RecordReceipt) -> TxId:
    opening = receipt.opening
    try:
        verify_inclusion(
            record_leaf(opening.salt, opening.record),
            opening.index,
            receipt.head.record_count,
            opening.path,
            receipt.records_root,
        )
    except ProofError as error:
        raise InvalidReceiptError(f"record {opening.index}: {error}") from error
    return tx_id_from_head(receipt.head, receipt.records_root)


def _verify_placement(
    placement: Placement,
    tx_id: TxId,
    leaf: bytes,
    chain_id: ChainId,
    validators: ValidatorSet,
) -> ProvenPlace:
    header = placement.header
    if header.chain_id != chain_id:
        raise InvalidReceiptError("the block belongs to another chain")
    try:
        verify_inclusion(leaf, placement.index, header.tx_count, placement.path, header.tx_root)
    except ProofError as error:
        raise InvalidReceiptError(f"transaction in block {header.height}: {error}") from error
    certified = _verify_anchor(placement.anchor, header)
    certificate = placement.anchor.certificate
    if certificate.kind is not CertificateKind.FINALIZATION or certificate.point is None:
        raise InvalidCertificateError("a finalization is needed")
    if certificate.point.block_id != certified.block_id:
        raise InvalidCertificateError("it is for another block than the certified header")
    if certificate.point.height != certified.height:
        raise InvalidCertificateError("its height is not the certified header's")
    if certified.chain_id != chain_id or certified.validators_digest != validators.digest:
        raise InvalidCertificateError("the certified header names another chain or validator set")
    verify_certificate(certificate, chain_id=chain_id, epoch=certified.epoch, validators=validators)
    return ProvenPlace(
        tx_id=tx_id,
        height=header.height,
        time_ms=header.time_ms,
        index=placement.index,
        certified_height=certified.height,
    )


def _verify_anchor(anchor: Anchor, header: Header) -> Header:
    """Return the certified header, after checking that it contains ``header``."""
    if anchor.header is None:
        if anchor.log_path:
            raise InvalidReceiptError("a log path without a later header")
        return header
    certified = anchor.header
    if certified.height <= header.height:
        raise InvalidReceiptError(
            f"the certified header {certified.height} is not above block {header.height}"
        )
    try:
        verify_inclusion(
            leaf_hash(encode(header)),
            header.height,
            certified.height,
            anchor.log_path,
            certified.log_root,
        )
    except ProofError as error:
        raise InvalidReceiptError(f"block {header.height} in the log: {error}") from error
    return certified
