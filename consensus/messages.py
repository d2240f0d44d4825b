"""What engines say to each other, and its one encoding.

Every message is a frozen wire struct with an integer tag; together they are one union, ``Message``.
Only three carry a signature of their own: a proposal (over its point), a vote (over its statement)
and a status. Certificates prove themselves; everything else is a request or data that is checked
against a hash or a certificate before anything is done with it.

Signed bytes are the fixed-width layouts of ``ledger.wire.certificate``; a status signs

    chain_id || epoch u64 || validators_digest || view u64 || final_view u64 || final_height u64
             || final_block_id || started_ms u64

The transport authenticates peers; ``voter`` names the key that signed.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias, cast

from msgspec import Meta

from ledger.wire.block import Block, Header, Point
from ledger.wire.certificate import Certificate, CertificateKind
from ledger.wire.codec import VALUE_BYTES_MAX, WireStruct, decode, encode
from ledger.wire.errors import LimitExceededError
from ledger.wire.scalars import (
    BLOCK_BYTES_MAX,
    BlockIdField,
    ChainId,
    EpochField,
    HeightField,
    SignatureField,
    TimeField,
    ValidatorIndexField,
    ViewField,
)
from ledger.wire.validators import ValidatorSet

CERTIFICATES_PER_MESSAGE_MAX: Final = 64
JUSTIFICATION_MAX: Final = 33
"""Certificates inside a proposal: the parent's, and the newest nullifications of skipped views. An
older one that the receiver lacks is asked for."""
RANGE_ENTRIES_MAX: Final = 256
RANGE_LINKS_MAX: Final = 512


class Proposal(WireStruct, frozen=True, array_like=True, tag=1):
    """The leader of ``point.view`` puts this block forward, with proof that it may."""

    point: Point
    block: Block
    signature: SignatureField
    justification: Annotated[tuple[Certificate, ...], Meta(max_length=JUSTIFICATION_MAX)]


class Vote(WireStruct, frozen=True, array_like=True, tag=2):
    """One validator's signature for one statement; ``kind`` is the certificate it counts towards."""

    kind: CertificateKind
    epoch: EpochField
    view: ViewField
    point: Point | None
    """What is voted for; None exactly for a nullify vote."""
    voter: ValidatorIndexField
    signature: SignatureField


class Certificates(WireStruct, frozen=True, array_like=True, tag=3):
    """Certificates, asked for or not."""

    certificates: Annotated[
        tuple[Certificate, ...], Meta(min_length=1, max_length=CERTIFICATES_PER_MESSAGE_MAX)
    ]


class BlockRequest(WireStruct, frozen=True, array_like=True, tag=4):
    """Asks for one block that is decided or proposed."""

    block_id: BlockIdField
    height: HeightField


class BlockReply(WireStruct, frozen=True, array_like=True, tag=5):
    """One block; the receiver computes its id itself."""

    block: Block


class CertificatesRequest(WireStruct, frozen=True, array_like=True, tag=6):
    """Asks for the certificates of the views ``from_view`` to ``to_view``, both included."""

    epoch: EpochField
    from_view: ViewField
    to_view: ViewField


class RangeRequest(WireStruct, frozen=True, array_like=True, tag=7):
    """Asks for final blocks in height order."""

    from_height: HeightField
    max_blocks: Annotated[int, Meta(ge=1, le=RANGE_ENTRIES_MAX)]


class RangeEntry(WireStruct, frozen=True, array_like=True):
    """One final block, with its own finalization if it has one."""

    block: Block
    proof: Certificate | None


class RangeReply(WireStruct, frozen=True, array_like=True, tag=8):
    """Final blocks from ``from_height`` upwards, and what proves the last of them.

    If the last entry has no proof of its own, ``links`` are the headers above it, up to and
    including the one that ``anchor`` finalizes.
    """

    from_height: HeightField
    entries: Annotated[tuple[RangeEntry, ...], Meta(max_length=RANGE_ENTRIES_MAX)]
    links: Annotated[tuple[Header, ...], Meta(max_length=RANGE_LINKS_MAX)]
    anchor: Certificate | None


class Status(WireStruct, frozen=True, array_like=True, tag=9):
    """Where a node stands. Validators sign it; an observer has no key and sends it unsigned."""

    epoch: EpochField
    view: ViewField
    final_view: ViewField
    final_height: HeightField
    final_block_id: BlockIdField
    started_ms: TimeField
    """Wall clock at the start of the engine: tells runs of one node apart."""
    voter: ValidatorIndexField | None
    signature: SignatureField | None


Message: TypeAlias = (
    Proposal
    | Vote
    | Certificates
    | BlockRequest
    | BlockReply
    | CertificatesRequest
    | RangeRequest
    | RangeReply
    | Status
)
MESSAGE_BYTES_MAX: Final = VALUE_BYTES_MAX


def encode_message(message: Message) -> bytes:
    """Return the canonical bytes of ``message``.

    Raises:
        LimitExceededError: It is larger than any receiver would read.
    """
    data = encode(message)
    if len(data) > MESSAGE_BYTES_MAX:
        raise LimitExceededError(
            type(message).__name__, found=len(data), limit=MESSAGE_BYTES_MAX, unit="bytes"
        )
    return data


def decode_message(data: bytes) -> Message:
    """Decode one message and check its limits. Signatures and certificates are not checked here.

    Raises:
        WireError: No message, not its canonical encoding, or over a limit.
    """
    message = decode(cast("type[Message]", Message), data, limit=MESSAGE_BYTES_MAX)
    match message:
        case Proposal(block=block) | BlockReply(block=block):
            _check_block_size(block)
        case RangeReply(entries=entries):
            for entry in entries:
                _check_block_size(entry.block)
        case _:
            pass
    return message


def _check_block_size(block: Block) -> None:
    total = sum(map(len, block.transactions))
    if total > BLOCK_BYTES_MAX:
        raise LimitExceededError(
            "block transactions", found=total, limit=BLOCK_BYTES_MAX, unit="bytes"
        )


def status_body(chain_id: ChainId, validators: ValidatorSet, status: Status) -> bytes:
    """Return the body that a status signs."""
    return b"".join(
        (
            chain_id,
            status.epoch.to_bytes(8, "big"),
            validators.digest,
            status.view.to_bytes(8, "big"),
            status.final_view.to_bytes(8, "big"),
            status.final_height.to_bytes(8, "big"),
            status.final_block_id,
            status.started_ms.to_bytes(8, "big"),
        )
    )
