"""The state transition: ``apply_block`` is the one way in which the ledger moves.

    apply_block(parent, block, transactions) -> Overlay        every validator, every auditor
    build_block(parent, slot, ...) -> BuiltBlock               the leader of a view

Both run the same ``BlockExecution``: for each transaction the checks of the head, the keys of its
signatures, the rule of each record in order, then that the signatures are exactly those required, then
the digests of the months that were touched. A transaction applies whole or not at all. After the last
one the state tree, the log and the transaction tree give the roots.

``apply_block`` compares *every* field of the header with what it has computed itself and raises
``InvalidBlockError`` at the first that differs; it never trusts the header. What it does not decide:
whether the block is final (``ledger.wire.certificate``), whether its view and proposer were legitimate
(``consensus``), and whether its time is near anybody's clock (``consensus``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger import civil
from ledger.errors import InvalidBlockError
from ledger.parsed import ParsedTransaction
from ledger.records import rule_of
from ledger.records.record import Context
from ledger.refusal import RefusalCode, Refused
from ledger.state.rows import KeyRow, MemberMonthRow, ParametersRow
from ledger.state.tables import KEYS, MEMBER_MONTHS, MEMBERS, PARAMETERS
from ledger.state.view import Overlay, StateReader, StateView
from ledger.tree import update
from ledger.vocabulary import MemberStatus, Role
from ledger.wire.block import HEADER_VERSION, Block, Header
from ledger.wire.codec import encode
from ledger.wire.errors import InvalidSignatureError
from ledger.wire.hashing import Domain, digest
from ledger.wire.merkle import leaf_hash, merkle_root
from ledger.wire.scalars import (
    BLOCK_BYTES_MAX,
    TRANSACTIONS_PER_BLOCK_MAX,
    VALIDITY_MS_MAX,
    BlockId,
    ChainId,
    Digest,
    Epoch,
    Height,
    MemberId,
    TimeMs,
    ValidatorIndex,
    View,
)
from ledger.wire.transaction import TRANSACTION_VERSION, sealed_digest

RULES_VERSION: Final = 1
"""The rules that this code knows. A governance decision will switch versions at a height (D11)."""
ZERO_DIGEST: Final = Digest(bytes(32))
MONTH_INDEX: Final = b"month"
"""Prefix of the index entries behind a member's month: member, month, number of the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The leader's place in the protocol, which the header repeats."""

    epoch: Epoch
    validators_digest: Digest
    view: View
    proposer: ValidatorIndex


@dataclass(frozen=True, slots=True)
class BuiltBlock:
    """A block that a leader has made, with the state after it."""

    block: Block
    overlay: Overlay
    included: tuple[ParsedTransaction, ...]
    left_out: tuple[tuple[ParsedTransaction, Refused], ...]
    """Transactions that do not apply now, each with the rule that says so."""


@dataclass(slots=True)
class BlockExecution:
    """Applies transactions one after the other on top of a parent's state."""

    parent: StateReader
    height: Height
    time_ms: TimeMs
    overlay: Overlay = field(init=False)
    leaves: list[bytes] = field(init=False, default_factory=list)
    parameters: ParametersRow = field(init=False)
    chain_id: ChainId = field(init=False)

    def __post_init__(self) -> None:
        self.overlay = Overlay(self.parent)
        self.parameters = current_parameters(self.parent)
        self.chain_id = self.parent.header.chain_id

    def apply(self, transaction: ParsedTransaction) -> None:
        """Apply a transaction whole.

        Raises:
            Refused: It does not apply; nothing has changed.
        """
        view = StateView(self.overlay)
        self._check_head(transaction, view)
        context = Context(
            state=view,
            parameters=self.parameters,
            author=transaction.author,
            tx_id=transaction.tx_id,
            height=self.height,
            time_ms=self.time_ms,
        )
        signers = self._check_signers(transaction, view)
        self._check_author(transaction, view)
        for index, record in enumerate(transaction.records):
            context.record_index = index
            context.touched.clear()
            context.touch(transaction.author)
            rule_of(record).apply(context, record)
            self._count_in_months(context)
        check_exactly_required(signers, context.required)
        _check_sealed(transaction, context)
        view.absorb_into(self.overlay)
        self.overlay.transactions[transaction.tx_id] = len(self.leaves)
        self.leaves.append(transaction.leaf)

    def finish(self, slot: Slot) -> Header:
        """Compute all roots and return the header; the overlay then stands for the block."""
        overlay, below = self.overlay, self.parent.header
        overlay.values = {
            key: None if row is None else encode(row) for key, row in overlay.rows.items()
        }
        tree = update(self.parent.page, overlay.values.items())
        overlay.pages.update(tree.pages)
        header = Header(
            version=HEADER_VERSION,
            chain_id=self.chain_id,
            epoch=slot.epoch,
            validators_digest=slot.validators_digest,
            height=self.height,
            view=slot.view,
            parent=below.block_id,
            time_ms=self.time_ms,
            proposer=slot.proposer,
            rules_version=RULES_VERSION,
            tx_count=len(self.leaves),
            tx_root=Digest(merkle_root(self.leaves)),
            state_root=Digest(tree.root),
            log_root=Digest(self.parent.log.root()),
            next_validators_digest=slot.validators_digest,
            flags=0,
        )
        overlay.header = header
        overlay.log, overlay.log_nodes = self.parent.log.append(leaf_hash(encode(header)))
        return header

    def _check_head(self, transaction: ParsedTransaction, view: StateView) -> None:
        head = transaction.signed.transaction
        if head.chain_id != self.chain_id:
            raise Refused(
                RefusalCode.WRONG_CHAIN,
                f"the transaction is for chain {head.chain_id.hex()}, "
                f"this is chain {self.chain_id.hex()}.",
                field="chain_id",
            )
        if head.version != TRANSACTION_VERSION:
            raise Refused(
                RefusalCode.UNSUPPORTED_VERSION,
                f"transaction version {head.version} is not known, use {TRANSACTION_VERSION}.",
                field="version",
                found=head.version,
                expected=TRANSACTION_VERSION,
            )
        check_validity(head.valid_until_ms, self.time_ms)
        if view.has_transaction(transaction.tx_id):
            raise Refused(
                RefusalCode.DUPLICATE_TRANSACTION,
                f"transaction {transaction.tx_id.hex()} is already on the ledger.",
                transaction=transaction.tx_id.hex(),
            )

    def _check_signers(
        self, transaction: ParsedTransaction, view: StateView
    ) -> dict[tuple[MemberId, Role], None]:
        """Return whose signatures the transaction carries, after checking each key."""
        signers: dict[tuple[MemberId, Role], None] = {}
        for entry in transaction.signed.signatures:
            row = view.get(KEYS, entry.key)
            if row is None:
                raise Refused(
                    RefusalCode.UNKNOWN_KEY,
                    f"key {entry.key.hex()} does not stand on the ledger.",
                    field="signatures",
                    key=entry.key.hex(),
                )
            check_key(entry.key, row, self.time_ms)
            signers[(row.owner, row.role)] = None
        if len(signers) != len(transaction.signed.signatures):
            raise Refused(
                RefusalCode.SIGNATURE_NOT_NEEDED,
                "two signatures come from the same member in the same role; one is needed.",
                field="signatures",
            )
        return signers

    def _check_author(self, transaction: ParsedTransaction, view: StateView) -> None:
        row = view.get(MEMBERS, transaction.author)
        if row is None:
            raise Refused(
                RefusalCode.UNKNOWN_AUTHOR,
                f"{transaction.author} is not in the register of admitted members.",
                field="author",
                author=transaction.author,
            )
        if row.status is MemberStatus.ACTIVE:
            return
        for index, record in enumerate(transaction.records):
            if not rule_of(record).while_suspended:
                raise Refused(
                    RefusalCode.AUTHOR_SUSPENDED,
                    f"{transaction.author} is suspended ({row.status_reason}) and may only "
                    "file, correct, accept and reject.",
                    field="author",
                    record_index=index,
                    author=transaction.author,
                )

    def _count_in_months(self, context: Context) -> None:
        """Extend the running digest of every member that the record touches (D5)."""
        block_month = civil.month_of(context.today)
        for member, date in context.touched.items():
            month = block_month if date is None else civil.month_of(date)
            row = context.state.get(MEMBER_MONTHS, member, month)
            if row is not None and row.filed_ms and month != block_month:
                month = block_month
                row = context.state.get(MEMBER_MONTHS, member, month)
            count, previous, filed_ms = (
                (0, ZERO_DIGEST, 0) if row is None else (row.count, row.digest, row.filed_ms)
            )
            place = (
                context.tx_id
                + context.record_index.to_bytes(4, "big")
                + self.height.to_bytes(8, "big")
            )
            context.state.put(
                MEMBER_MONTHS,
                member,
                month,
                row=MemberMonthRow(
                    count=count + 1,
                    digest=digest(
                        Domain.MEMBER_MONTH, previous, place, self.time_ms.to_bytes(8, "big")
                    ),
                    filed_ms=TimeMs(filed_ms),
                ),
            )
            context.state.put_index(month_index_key(member, month, count), place)


def month_index_key(member: MemberId, month: int, number: int) -> bytes:
    """Return the index key of a record in a member's month; its value is id, index and height."""
    return b"".join(
        (
            MONTH_INDEX,
            member.encode(),
            b"\0",
            month.to_bytes(4, "big"),
            number.to_bytes(8, "big"),
        )
    )


def current_parameters(state: StateReader) -> ParametersRow:
    """Return the network parameters in force."""
    row = state.row(PARAMETERS.key(), ParametersRow)
    if row is None:
        raise InvalidBlockError(state.header.height, "the state has no network parameters")
    return row


def check_validity(valid_until_ms: TimeMs, time_ms: TimeMs) -> None:
    """Refuse a transaction that has expired, or would be valid for longer than allowed."""
    if valid_until_ms < time_ms:
        raise Refused(
            RefusalCode.EXPIRED,
            f"it was valid until {valid_until_ms} ms, the block's time is {time_ms} ms.",
            field="valid_until_ms",
            valid_until_ms=valid_until_ms,
            time_ms=time_ms,
        )
    if valid_until_ms > time_ms + VALIDITY_MS_MAX:
        raise Refused(
            RefusalCode.VALID_TOO_LONG,
            f"it is valid until {valid_until_ms} ms, at most {VALIDITY_MS_MAX} ms after the "
            f"block's time {time_ms} ms are allowed.",
            field="valid_until_ms",
            valid_until_ms=valid_until_ms,
            time_ms=time_ms,
        )


def check_key(key: bytes, row: KeyRow, time_ms: TimeMs) -> None:
    """Refuse a key that may not sign at ``time_ms``."""
    if row.revoked_ms:
        raise Refused(
            RefusalCode.KEY_REVOKED,
            f"key {key.hex()} of {row.owner} was revoked at {row.revoked_ms} ms.",
            field="signatures",
            key=key.hex(),
            owner=row.owner,
            revoked_ms=row.revoked_ms,
        )
    if not row.valid_from_ms <= time_ms < row.valid_until_ms:
        raise Refused(
            RefusalCode.KEY_NOT_VALID,
            f"key {key.hex()} of {row.owner} is valid from {row.valid_from_ms} ms until "
            f"{row.valid_until_ms} ms, the block's time is {time_ms} ms.",
            field="signatures",
            key=key.hex(),
            owner=row.owner,
            time_ms=time_ms,
        )


def check_exactly_required(
    signers: dict[tuple[MemberId, Role], None], required: dict[tuple[MemberId, Role], None]
) -> None:
    """Refuse a transaction that lacks a signature that its records need, or carries another one."""
    for member, role in required:
        if (member, role) not in signers:
            present = ", ".join(f"{owner} ({held.name.lower()})" for owner, held in signers)
            raise Refused(
                RefusalCode.SIGNATURE_MISSING,
                f"a signature of {member} by a key in the role {role.name.lower()} is needed; "
                f"it is signed by {present}.",
                field="signatures",
                member=member,
                role=role.name.lower(),
            )
    for member, role in signers:
        if (member, role) not in required:
            raise Refused(
                RefusalCode.SIGNATURE_NOT_NEEDED,
                f"the signature of {member} in the role {role.name.lower()} is not needed.",
                field="signatures",
                member=member,
                role=role.name.lower(),
            )


def _check_sealed(transaction: ParsedTransaction, context: Context) -> None:
    for number, attachment in enumerate(transaction.signed.transaction.sealed):
        if sealed_digest(attachment) not in context.named_sealed:
            raise Refused(
                RefusalCode.SEALED_NOT_NAMED,
                f"sealed attachment {number} is not named by any record.",
                field="sealed",
                attachment=number,
            )


def build_block(
    parent: StateReader,
    slot: Slot,
    *,
    time_ms: TimeMs,
    candidates: Iterable[ParsedTransaction],
    budget_units: int,
) -> BuiltBlock:
    """Make a block of the candidates that apply, in their order, within the limits.

    Args:
        parent: State after the parent block.
        slot: The leader's place in the protocol.
        time_ms: Time of the block, later than the parent's.
        candidates: Transactions with verified signatures; those that do not apply are left out.
        budget_units: Most work units to put in; one transaction is always taken if it applies.
    """
    execution = BlockExecution(parent, Height(parent.header.height + 1), time_ms)
    included: list[ParsedTransaction] = []
    left_out: list[tuple[ParsedTransaction, Refused]] = []
    size = units = 0
    for candidate in candidates:
        size_after = size + len(candidate.signed_bytes)
        units_after = units + candidate.work_units
        if included and (units_after > budget_units or size_after > BLOCK_BYTES_MAX):
            break
        if len(included) == TRANSACTIONS_PER_BLOCK_MAX:
            break
        try:
            execution.apply(candidate)
        except Refused as refusal:
            left_out.append((candidate, refusal))
            continue
        included.append(candidate)
        size, units = size_after, units_after
    header = execution.finish(slot)
    block = Block(
        header=header, transactions=tuple(transaction.signed_bytes for transaction in included)
    )
    return BuiltBlock(block, execution.overlay, tuple(included), tuple(left_out))


def apply_block(
    parent: StateReader, block: Block, transactions: Sequence[ParsedTransaction]
) -> Overlay:
    """Apply a block to its parent's state and return what it changes.

    Args:
        parent: State after the parent block.
        block: The block; its header is compared field by field with what was computed.
        transactions: The block's transactions, parsed, in order. Signatures not yet verified
            are verified here.

    Raises:
        InvalidBlockError: The block does not follow from its parent by the rules.
    """
    header = block.header
    height = Height(parent.header.height + 1)
    _check_links(parent.header, header)
    if [parsed.signed_bytes for parsed in transactions] != list(block.transactions):
        raise InvalidBlockError(height, "the parsed transactions are not the block's")
    execution = BlockExecution(parent, height, header.time_ms)
    for index, transaction in enumerate(transactions):
        try:
            transaction.verify_signatures()
            execution.apply(transaction)
        except InvalidSignatureError as error:
            raise InvalidBlockError(
                height, f"bad signature: {error}", transaction_index=index
            ) from error
        except Refused as refusal:
            raise InvalidBlockError(
                height,
                f"a transaction does not apply ({refusal.code}): {refusal.sentence}",
                transaction_index=index,
                record_index=refusal.record_index,
            ) from refusal
    slot = Slot(
        epoch=header.epoch,
        validators_digest=header.validators_digest,
        view=header.view,
        proposer=header.proposer,
    )
    computed = execution.finish(slot)
    _check_same(header, computed)
    return execution.overlay


def _check_links(below: Header, header: Header) -> None:
    """Check what a header must take over from its parent's."""
    height = Height(below.height + 1)
    if header.parent != below.block_id:
        raise InvalidBlockError(
            height, "parent", expected=below.block_id.hex(), found=header.parent.hex()
        )
    if header.time_ms <= below.time_ms:
        raise InvalidBlockError(
            height, "time_ms", expected=f"later than {below.time_ms}", found=str(header.time_ms)
        )
    if header.rules_version != RULES_VERSION:
        raise InvalidBlockError(
            height, "rules_version", expected=str(RULES_VERSION), found=str(header.rules_version)
        )
    if (header.epoch, header.validators_digest) != (below.epoch, below.next_validators_digest):
        raise InvalidBlockError(
            height,
            "validator set",
            expected=f"epoch {below.epoch}, {below.next_validators_digest.hex()}",
            found=f"epoch {header.epoch}, {header.validators_digest.hex()}",
        )
    if header.view <= below.view:
        raise InvalidBlockError(
            height, "view", expected=f"above {below.view}", found=str(header.view)
        )


def _check_same(header: Header, computed: Header) -> None:
    for name in header.__struct_fields__:
        said, found = getattr(header, name), getattr(computed, name)
        if said != found:
            raise InvalidBlockError(
                computed.height, name, expected=_shown(found), found=_shown(said)
            )


def _shown(value: bytes | int) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


NO_BLOCK: Final = BlockId(bytes(32))
"""The parent of the genesis block."""
