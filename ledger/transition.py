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

from ledger.errors import InvalidBlockError
from ledger.member_months import count_in_months
from ledger.parameters_in_force import NO_SCHEDULE, parameters_at, rules_version_at
from ledger.parsed import ParsedTransaction
from ledger.records import rule_of
from ledger.records.record import Context
from ledger.refusal import Refused
from ledger.state.rows import ParametersRow, ScheduleRow
from ledger.state.tables import PARAMETERS, SCHEDULE
from ledger.state.view import Overlay, StateReader, StateView
from ledger.transaction_checks import (
    check_author,
    check_exactly_required,
    check_head,
    check_sealed,
    check_signers,
)
from ledger.tree import update
from ledger.wire.block import HEADER_VERSION, Block, Header
from ledger.wire.codec import encode
from ledger.wire.errors import InvalidSignatureError
from ledger.wire.merkle import leaf_hash, merkle_root
from ledger.wire.scalars import (
    BLOCK_BYTES_MAX,
    TRANSACTIONS_PER_BLOCK_MAX,
    BlockId,
    ChainId,
    Digest,
    Epoch,
    Height,
    TimeMs,
    ValidatorIndex,
    View,
)

RULES_VERSION: Final = 1
"""The rules that this code knows. Governance decides which version holds from which height on (D11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The leader's place in the protocol, which the header repeats."""

    epoch: Epoch
    validators_digest: Digest
    view: View
    proposer: ValidatorIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPlace:
    """Where a block stands in its chain."""

    chain_id: ChainId
    height: Height
    parent: BlockId
    time_ms: TimeMs


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
        self.parameters = current_parameters(self.parent, self.height)
        check_rules_known(self.parent, self.height)
        self.chain_id = self.parent.header.chain_id

    def apply(self, transaction: ParsedTransaction) -> None:
        """Apply a transaction whole.

        Raises:
            Refused: It does not apply; nothing has changed.
        """
        view = StateView(self.overlay)
        check_head(transaction, view, chain_id=self.chain_id, time_ms=self.time_ms)
        context = Context(
            state=view,
            parameters=self.parameters,
            author=transaction.author,
            tx_id=transaction.tx_id,
            height=self.height,
            time_ms=self.time_ms,
        )
        signers = check_signers(transaction, view, self.time_ms)
        check_author(transaction, view)
        for index, record in enumerate(transaction.records):
            context.begin_record(index)
            rule_of(record).apply(context, record)
            count_in_months(context)
        check_exactly_required(signers, context.required)
        check_sealed(transaction, context.named_sealed)
        view.absorb_into(self.overlay)
        self.overlay.transactions[transaction.tx_id] = len(self.leaves)
        self.leaves.append(transaction.leaf)

    def finish(self, slot: Slot) -> Header:
        """Compute all roots and return the header; the overlay then stands for the block."""
        place = BlockPlace(
            chain_id=self.chain_id,
            height=self.height,
            parent=self.parent.header.block_id,
            time_ms=self.time_ms,
        )
        return close_block(self.overlay, slot, place, self.leaves)


def close_block(overlay: Overlay, slot: Slot, place: BlockPlace, leaves: Sequence[bytes]) -> Header:
    """Compute all roots of a block that changes ``overlay``, and return its header.

    The overlay then stands for the block. Also closes the genesis block, which has no transactions.
    """
    overlay.values = {
        key: None if row is None else encode(row) for key, row in overlay.rows.items()
    }
    below = overlay.parent
    tree = update(below.page, overlay.values.items())
    overlay.pages.update(tree.pages)
    header = Header(
        version=HEADER_VERSION,
        chain_id=place.chain_id,
        epoch=slot.epoch,
        validators_digest=slot.validators_digest,
        height=place.height,
        view=slot.view,
        parent=place.parent,
        time_ms=place.time_ms,
        proposer=slot.proposer,
        rules_version=RULES_VERSION,
        tx_count=len(leaves),
        tx_root=Digest(merkle_root(leaves)),
        state_root=Digest(tree.root),
        log_root=Digest(below.log.root()),
        next_validators_digest=slot.validators_digest,
        flags=0,
    )
    overlay.header = header
    overlay.log, overlay.log_nodes = below.log.append(leaf_hash(encode(header)))
    return header


def current_parameters(state: StateReader, height: int | None = None) -> ParametersRow:
    """Return the network parameters in force in the block at ``height``, by default the next one.

    Raises:
        InvalidBlockError: The state has none.
    """
    row = state.row(PARAMETERS.key(), ParametersRow)
    if row is None:
        raise InvalidBlockError(state.header.height, "the state has no network parameters")
    schedule = state.row(SCHEDULE.key(), ScheduleRow)
    if schedule is None:
        return row
    return parameters_at(row, schedule, state.header.height + 1 if height is None else height)


def check_rules_known(state: StateReader, height: Height) -> None:
    """Check that this code knows the rules that governance has decided for the block at ``height``.

    Raises:
        InvalidBlockError: It does not; a newer version of the software goes on from here.
    """
    version = rules_version_at(state.row(SCHEDULE.key(), ScheduleRow) or NO_SCHEDULE, height)
    if version != RULES_VERSION:
        raise InvalidBlockError(
            height,
            "rules version of this software; install the one that was decided",
            expected=str(version),
            found=str(RULES_VERSION),
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
    _check_size(height, block)
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


def _check_size(height: Height, block: Block) -> None:
    """Check the limits of a whole block; decoding has checked those of each transaction."""
    size = sum(map(len, block.transactions))
    for what, found, limit in (
        ("bytes of transactions", size, BLOCK_BYTES_MAX),
        ("number of transactions", len(block.transactions), TRANSACTIONS_PER_BLOCK_MAX),
    ):
        if found > limit:
            raise InvalidBlockError(height, what, expected=f"at most {limit}", found=str(found))


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
