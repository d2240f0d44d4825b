"""A founder's part of the genesis, and how the parts become a document.

Every founder makes its own keys and sends only this part: who it is, its public keys with proofs of
possession for the network by name, and the validators that it runs. Whoever collects the parts
checks each one alone (``check_founder``), so that a mistake is found with the founder that made it, and
puts them together (``assemble_genesis``). All founders then compare the digest of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.document import decode_document, encode_document
from ledger.errors import InvalidGenesisError
from ledger.genesis import (
    GENESIS_VERSION,
    EmptyState,
    Genesis,
    GenesisDocument,
    check_validator_keys,
    encode_genesis,
    open_genesis,
)
from ledger.records.admit_member import AdmitMember, admit
from ledger.records.define_product import DefineProduct
from ledger.records.record import Context
from ledger.refusal import Refused
from ledger.state.rows import GENESIS_REFERENCE, ParametersRow, ValidatorRow
from ledger.state.view import StateView
from ledger.wire.scalars import VALIDATORS_MAX, ChainId, Height, NameField, TimeMs, VersionField

FOUNDER_VERSION: Final = 1


class FounderPart(msgspec.Struct, frozen=True, kw_only=True):
    """What one founder brings. Holds nothing secret."""

    version: VersionField
    network: NameField
    """Name of the network that the proofs of possession are for."""
    member: AdmitMember
    validators: Annotated[tuple[ValidatorRow, ...], Meta(max_length=VALIDATORS_MAX)]
    """The validators that it runs; none when it only follows."""


def encode_founder(part: FounderPart) -> bytes:
    """Return the one spelling of a founder's part."""
    return encode_document(part)


def decode_founder(data: bytes) -> FounderPart:
    """Return the founder's part that ``data`` spells; ``check_founder`` says whether it is right.

    Raises:
        InvalidDocumentError: Not the one spelling of a founder's part; the field is named.
    """
    return decode_document(FounderPart, data)


def check_founder(part: FounderPart, parameters: ParametersRow, time_ms: TimeMs) -> None:
    """Check one founder alone: network, keys with their proofs, and the keys of its validators.

    Raises:
        InvalidGenesisError: Something is wrong; founder and field are named.
    """
    place = part.member.id
    if part.version != FOUNDER_VERSION:
        raise InvalidGenesisError(
            f"{place}.version", f"{part.version} is not known, use {FOUNDER_VERSION}"
        )
    if part.network != parameters.network:
        raise InvalidGenesisError(
            f"{place}.network",
            f"it is for {part.network!r}, the network is {parameters.network!r}; "
            "the founder has to make its part anew",
        )
    context = Context(
        state=StateView(EmptyState(ChainId(bytes(32)))),
        parameters=parameters,
        author=parameters.ministry,
        tx_id=GENESIS_REFERENCE.tx_id,
        height=Height(0),
        time_ms=time_ms,
    )
    try:
        admit(context, part.member, admitted_by=None)
    except Refused as refusal:
        raise InvalidGenesisError(f"{place}.{refusal.field}", refusal.sentence) from refusal
    for row in part.validators:
        if row.member != part.member.id:
            raise InvalidGenesisError(
                f"{place}.validators", f"{row.name} is run by {row.member}, another member"
            )
    check_validator_keys((part.member,), part.validators, place=f"{place}.validators")


def assemble_genesis(
    parameters: ParametersRow,
    time_ms: TimeMs,
    founders: Sequence[FounderPart],
    products: Sequence[DefineProduct] = (),
) -> Genesis:
    """Return the genesis that the founders' parts make together, in whatever order they came.

    Raises:
        InvalidGenesisError: A part is wrong, or the parts do not fit together; the field is named.
    """
    for part in founders:
        check_founder(part, parameters, time_ms)
    members = sorted((part.member for part in founders), key=lambda member: member.id)
    validators = sorted(
        (row for part in founders for row in part.validators), key=lambda row: row.name
    )
    document = GenesisDocument(
        version=GENESIS_VERSION,
        time_ms=time_ms,
        parameters=parameters,
        members=tuple(members),
        validators=tuple(validators),
        products=tuple(sorted(products, key=lambda product: product.code)),
    )
    return open_genesis(encode_genesis(document))
