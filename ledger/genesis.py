"""The genesis: the document that founds a network, and block 0 that follows from it.

The document is canonical JSON (``ledger.document``): founders read it, compare its SHA-256 out of band, and
start from it. That digest is the ``chain_id``, which every header, vote and transaction repeats, so
two networks that differ in one founder's key have nothing in common.

It holds the parameters, the founding members with their keys and proofs of possession, the validators
of epoch 0, and optionally products. ``decode_genesis`` says whether the file is one spelling of such a
document; ``open_genesis`` also applies the rules: founders pass the checks of ``AdmitMember``, products those
of ``DefineProduct``, and a validator votes with a key that its member holds in that role. Block 0
has no transactions, no votes and no parent; its state root commits to every founding row.

What it does not decide: where nodes listen, and anything that operators choose (``node.config``).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.commit import genesis_writes
from ledger.document import decode_document, encode_document
from ledger.errors import InvalidDocumentError, InvalidGenesisError
from ledger.records.admit_member import AdmitMember, admit
from ledger.records.define_product import DefineProduct, enter_product
from ledger.records.record import Context
from ledger.refusal import Refused
from ledger.state.rows import (
    GENESIS_REFERENCE,
    ParametersRow,
    ValidatorRow,
    ValidatorsRow,
)
from ledger.state.tables import PARAMETERS, VALIDATORS
from ledger.state.view import Overlay, Row, StateView
from ledger.store import WriteSet
from ledger.transition import NO_BLOCK, BlockPlace, Slot, close_block
from ledger.tree_page import Page
from ledger.vocabulary import AuthorityOffice, OreKind, Role
from ledger.wire.block import HEADER_VERSION, Block, Header
from ledger.wire.codec import encode
from ledger.wire.hashing import plain_digest
from ledger.wire.merkle import Frontier
from ledger.wire.scalars import (
    VALIDATORS_MAX,
    ChainId,
    Digest,
    Epoch,
    Height,
    TimeField,
    TimeMs,
    TxId,
    ValidatorIndex,
    VersionField,
    View,
)
from ledger.wire.validators import Validator, ValidatorSet

GENESIS_VERSION: Final = 1
FOUNDERS_MAX: Final = 1_000
PRODUCTS_MAX: Final = 1_000


class GenesisDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What founders agree on. Fields are checked by ``open_genesis``, not here."""

    version: VersionField
    time_ms: TimeField
    """Time of block 0; every later block is later."""
    parameters: ParametersRow
    members: Annotated[tuple[AdmitMember, ...], Meta(min_length=1, max_length=FOUNDERS_MAX)]
    """The founders, by ascending id; one of them holds the office of the ministry."""
    validators: Annotated[tuple[ValidatorRow, ...], Meta(min_length=1, max_length=VALIDATORS_MAX)]
    """The voters of epoch 0, by ascending name."""
    products: Annotated[tuple[DefineProduct, ...], Meta(max_length=PRODUCTS_MAX)]
    """Products to begin with, by ascending code, all in version 1."""

    @property
    def network(self) -> str:
        """The name of the network."""
        return self.parameters.network


@dataclass(frozen=True, slots=True)
class Genesis:
    """A checked genesis: the root of trust of a network, and the state that it starts from."""

    data: bytes
    """The document's exact bytes."""
    document: GenesisDocument
    chain_id: ChainId
    validators: ValidatorSet
    header: Header
    block: Block
    overlay: Overlay
    """State after block 0, on top of nothing."""

    def writes(self) -> WriteSet:
        """Return everything to write into an empty store."""
        return genesis_writes(self.overlay, encode(self.block), self.data)


class EmptyState:
    """The state before block 0: nothing at all."""

    def __init__(self, chain_id: ChainId) -> None:
        self.log = Frontier()
        zero = Digest(bytes(32))
        # Nobody's header: an overlay wants one beneath it, and no check ever reads this one.
        self.header = Header(
            version=HEADER_VERSION,
            chain_id=chain_id,
            epoch=Epoch(0),
            validators_digest=zero,
            height=Height(0),
            view=View(0),
            parent=NO_BLOCK,
            time_ms=TimeMs(0),
            proposer=ValidatorIndex(0),
            rules_version=1,
            tx_count=0,
            tx_root=zero,
            state_root=zero,
            log_root=zero,
            next_validators_digest=zero,
            flags=0,
        )

    def row(self, key: bytes, kind: type[Row]) -> Row | None:
        """Return None: there are no rows."""
        del key, kind
        return None

    def page(self, path: bytes) -> Page | None:
        """Return None: there are no pages."""
        del path
        return None

    def has_transaction(self, tx_id: TxId) -> bool:
        """Return False: there are no transactions."""
        del tx_id
        return False

    def index_entry(self, key: bytes) -> bytes | None:
        """Return None: there are no entries."""
        del key
        return None


def encode_genesis(document: GenesisDocument) -> bytes:
    """Return the one spelling of a genesis document."""
    return encode_document(document)


def decode_genesis(data: bytes) -> GenesisDocument:
    """Return the document that ``data`` spells. Whether it founds a network is not checked here.

    Raises:
        InvalidGenesisError: Not the one spelling of a genesis document; the field is named.
    """
    try:
        document = decode_document(GenesisDocument, data)
    except InvalidDocumentError as error:
        raise InvalidGenesisError(error.field, error.reason) from error
    if document.version != GENESIS_VERSION:
        raise InvalidGenesisError(
            "version", f"{document.version} is not known, use {GENESIS_VERSION}"
        )
    return document


def open_genesis(data: bytes) -> Genesis:
    """Return the network that a genesis document founds.

    Raises:
        InvalidGenesisError: It is no genesis document, or founds no network; the field is named.
    """
    document = decode_genesis(data)
    chain_id = ChainId(plain_digest(data))
    overlay = Overlay(EmptyState(chain_id))
    _found(document, overlay)
    validators = _validator_set(document.validators)
    slot = Slot(
        epoch=Epoch(0),
        validators_digest=validators.digest,
        view=View(0),
        proposer=ValidatorIndex(0),
    )
    place = BlockPlace(
        chain_id=chain_id, height=Height(0), parent=NO_BLOCK, time_ms=document.time_ms
    )
    header = close_block(overlay, slot, place, ())
    return Genesis(
        data=data,
        document=document,
        chain_id=chain_id,
        validators=validators,
        header=header,
        block=Block(header=header, transactions=()),
        overlay=overlay,
    )


def _found(document: GenesisDocument, overlay: Overlay) -> None:
    """Enter all founding rows into ``overlay``."""
    _check_parameters(document)
    view = StateView(overlay)
    context = Context(
        state=view,
        parameters=document.parameters,
        author=document.parameters.ministry,
        tx_id=GENESIS_REFERENCE.tx_id,
        height=Height(0),
        time_ms=document.time_ms,
    )
    view.put(PARAMETERS, row=document.parameters)
    _check_ascending("members", [member.id for member in document.members])
    for position, member in enumerate(document.members):
        try:
            admit(context, member, admitted_by=None)
        except Refused as refusal:
            raise _invalid(f"members[{position}]", refusal) from refusal
    _check_ministry(document)
    _check_ascending("products", [product.code for product in document.products])
    for position, product in enumerate(document.products):
        try:
            enter_product(context, product)
        except Refused as refusal:
            raise _invalid(f"products[{position}]", refusal) from refusal
    check_validator_keys(document.members, document.validators, place="validators")
    view.put(VALIDATORS, row=ValidatorsRow(validators=document.validators))
    view.absorb_into(overlay)


def _invalid(place: str, refusal: Refused) -> InvalidGenesisError:
    return InvalidGenesisError(f"{place}.{refusal.field}", refusal.sentence)


def _check_ascending(field: str, names: Sequence[str]) -> None:
    for position, (before, after) in enumerate(itertools.pairwise(names), 1):
        if before >= after:
            raise InvalidGenesisError(
                f"{field}[{position}]",
                f"{after!r} stands after {before!r}; they stand once each, in ascending order",
            )


def _check_ministry(document: GenesisDocument) -> None:
    """Check that exactly one founder holds the office, and that the parameters name it."""
    holders = [
        member.id for member in document.members if member.office is AuthorityOffice.MINISTRY
    ]
    if holders != [document.parameters.ministry]:
        raise InvalidGenesisError(
            "parameters.ministry",
            f"names {document.parameters.ministry}; the founders with the office of the ministry "
            f"are: {', '.join(holders) or '(none)'}; exactly one is needed, the one named",
        )


def _check_parameters(document: GenesisDocument) -> None:
    fingerprints = document.parameters.fingerprints
    _check_ascending(
        "parameters.fingerprints", [f"{entry.ore}\0{entry.kind}" for entry in fingerprints]
    )
    for position, fingerprint in enumerate(fingerprints):
        place = f"parameters.fingerprints[{position}]"
        if fingerprint.kind is OreKind.NONE:
            raise InvalidGenesisError(f"{place}.kind", "an ore is of a kind, rock or ionic")
        for number, band in enumerate(fingerprint.bands):
            if not band.elements or band.low_permille > band.high_permille:
                raise InvalidGenesisError(
                    f"{place}.bands[{number}]",
                    f"{len(band.elements)} elements, {band.low_permille} to "
                    f"{band.high_permille} per mille; it needs elements and a range",
                )
    scrap = document.parameters.scrap_fingerprints
    _check_ascending("parameters.scrap_fingerprints", [entry.kind for entry in scrap])
    norms = document.parameters.process_norms
    _check_ascending("parameters.process_norms", [str(int(norm.kind)) for norm in norms])


def _validator_set(rows: Sequence[ValidatorRow]) -> ValidatorSet:
    """Return the set that votes in epoch 0, after checking its order and that keys differ."""
    _check_ascending("validators", [row.name for row in rows])
    for field in ("consensus_key", "node_key"):
        seen: dict[bytes, str] = {}
        for position, row in enumerate(rows):
            key = getattr(row, field)
            if key in seen:
                raise InvalidGenesisError(
                    f"validators[{position}].{field}", f"it is also the key of {seen[key]}"
                )
            seen[key] = row.name
    return ValidatorSet(
        validators=tuple(
            Validator(name=row.name, member=row.member, consensus_key=row.consensus_key)
            for row in rows
        )
    )


def check_validator_keys(
    founders: Sequence[AdmitMember], rows: Sequence[ValidatorRow], *, place: str
) -> None:
    """Check that each validator uses keys that its member holds in the right roles.

    Raises:
        InvalidGenesisError: One does not; the field is named beneath ``place``.
    """
    members = {member.id: member for member in founders}
    for position, row in enumerate(rows):
        member = members.get(row.member)
        if member is None:
            raise InvalidGenesisError(f"{place}[{position}].member", f"{row.member} is no founder")
        for field, key, role in (
            ("consensus_key", row.consensus_key, Role.CONSENSUS),
            ("node_key", row.node_key, Role.NODE),
        ):
            if not any((new.key, new.role) == (key, role) for new in member.keys):
                raise InvalidGenesisError(
                    f"{place}[{position}].{field}",
                    f"{key.hex()} is no {role.name.lower()} key of {row.member}",
                )
