"""Everything that a node decides, in one object without ``await``.

The replica joins the consensus engine, the chain and the mempool. Events go in, effects come out; the
driver (``node.driver``) carries the effects out in order, and the simulator does the same with a virtual
clock, network and disk. A crash can therefore be placed between any two effects.

Effects of the engine pass through as they are, with these additions:

* ``Forward``: transactions for all other validators, one hop;
* ``Finalized``: blocks that are durable now, for receipts and events; comes only after the store has them;
* ``Expired``: pending transactions that can no longer be included; only now are they refused.

``Execute``, ``Build`` and ``Commit`` are requests to come back: the driver calls ``execute``, ``build``, or
``writes`` followed by ``on_stored``, at a moment of its choosing, so that a long execution need not stop the
votes. Signatures of transactions are checked outside, before ``submit`` and ``on_transactions`` and, for those
of a block, before ``execute``; whatever was not checked there is checked during execution.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from consensus.catchup.serve import assemble_range
from consensus.config import ConsensusConfig
from consensus.effects import (
    Build,
    Commit,
    Drop,
    Effect,
    Execute,
    FinalizedBlock,
    JournalRecord,
    Send,
    ServeRange,
    Timer,
)
from consensus.engine import Engine
from consensus.inputs import FinalizedTip, Instant, genesis_point
from consensus.messages import Message
from consensus.status import EngineStatus
from ledger.errors import InvalidBlockError
from ledger.parsed import ParsedTransaction
from ledger.refusal import RefusalCode, Refused
from ledger.store import Reader, block_key, proof_key
from ledger.transaction_checks import check_validity
from ledger.transition import BlockExecution, Slot
from ledger.wire.block import Block, decode_block
from ledger.wire.certificate import BlockProof, FinalityProof
from ledger.wire.codec import decode
from ledger.wire.errors import WireError
from ledger.wire.scalars import Height, TimeMs, TxId, ValidatorIndex
from ledger.wire.signing import Sign
from ledger.wire.validators import ValidatorSet
from node.admission import Admission
from node.chain import Chain, ExecutedBlock
from node.mempool import Mempool, MempoolFullError, MempoolLimits, PendingTransaction

RESEND_INTERVAL_MS: Final = 2_000
"""What clients of this node wait for is offered to the peers again this often."""
RESEND_TRANSACTIONS_MAX: Final = 512
PROBE_TRANSACTIONS_MAX: Final = 64
"""How many pending transactions are tried before a silent leader is given up."""
REFUSED_KEPT_MAX: Final = 10_000


class ReplicaTimer(Enum):
    """Timers of the replica itself, beside the engine's."""

    RESEND = "resend"


@dataclass(frozen=True, slots=True)
class Forward:
    """Send these signed transactions to ``peer``, or to every validator when it is None."""

    transactions: tuple[bytes, ...]
    peer: str | None = None


@dataclass(frozen=True, slots=True)
class Finalized:
    """This block is durable, with the transactions in it."""

    final: FinalizedBlock
    executed: ExecutedBlock


@dataclass(frozen=True, slots=True)
class Expired:
    """A pending transaction can no longer be included: it is refused for good."""

    tx_id: TxId
    refusal: Refused


@dataclass(frozen=True, slots=True)
class SetReplicaTimer:
    """Call ``on_resend`` at or after ``at_ms`` of the steady clock."""

    timer: ReplicaTimer
    at_ms: int


ReplicaEffect: TypeAlias = Effect | Forward | Finalized | Expired | SetReplicaTimer


class Submission(Enum):
    """What became of a submitted transaction at once."""

    ADMITTED = "admitted"
    PENDING = "pending"
    FINAL = "final"


class Replica:
    """One node's decisions."""

    def __init__(  # noqa: PLR0913 - wired by hand in one place
        self,
        *,
        validators: ValidatorSet,
        own: ValidatorIndex | None,
        sign: Sign | None,
        config: ConsensusConfig,
        limits: MempoolLimits,
        store: Reader,
        journal: Iterable[JournalRecord],
    ) -> None:
        """Open the ledger of ``store`` and replay the journal.

        Raises:
            EmptyStoreError: The store holds no ledger.
            JournalError: The journal contradicts itself or the store (``consensus``).
        """
        self.mempool = Mempool(limits)
        self.chain = Chain(store, self.mempool.parsed_from)
        self.validators = validators
        self._store = store
        self._admission = Admission(self.chain.committed, self.mempool.of_author)
        self._refused: OrderedDict[TxId, Refused] = OrderedDict()
        self._has_work = False
        tip = self.chain.tip
        self._engine = Engine(
            chain_id=tip.chain_id,
            epoch=tip.epoch,
            validators=validators,
            own=own,
            sign=sign,
            config=config,
            final=stored_tip(store, self.chain),
            journal=journal,
        )

    @property
    def status(self) -> EngineStatus:
        """Where the engine stands."""
        return self._engine.status()

    def checkpoint_records(self) -> tuple[JournalRecord, ...]:
        """Return what the journal must still say when its older segments are dropped."""
        return self._engine.checkpoint_records()

    def start(self, now: Instant) -> list[ReplicaEffect]:
        """Begin: re-send what a crash may have cut off, arm timers."""
        effects: list[ReplicaEffect] = list(self._engine.start(now))
        effects.append(SetReplicaTimer(ReplicaTimer.RESEND, now.steady_ms + RESEND_INTERVAL_MS))
        return effects

    def on_connected(self, peer: str, now: Instant) -> list[ReplicaEffect]:
        """A peer can be reached (again): tell it where we stand and what our clients wait for."""
        effects: list[ReplicaEffect] = list(self._engine.on_connected(peer, now))
        waiting = self._waiting_here()
        if waiting:
            effects.append(Forward(waiting, peer))
        return effects

    def on_message(self, peer: str, message: Message, now: Instant) -> list[ReplicaEffect]:
        """A consensus message has come from an authenticated peer."""
        return self._after(self._engine.on_message(peer, message, now), now)

    def on_timer(self, timer: Timer, now: Instant) -> list[ReplicaEffect]:
        """A timer of the engine has run out."""
        if timer is Timer.LEAD and self._has_work and not self._anything_applies(now):
            # The leader is silent because nothing applies: no reason to give up its view.
            effects = self._note_work(now)
            if not self._engine.status().work:
                return effects
            return [*effects, *self._engine.on_timer(timer, now)]
        return self._after(self._engine.on_timer(timer, now), now)

    def on_resend(self, now: Instant) -> list[ReplicaEffect]:
        """Offer what clients of this node wait for to all peers again, and look for what expired."""
        effects: list[ReplicaEffect] = []
        waiting = self._waiting_here()
        if waiting:
            effects.append(Forward(waiting))
        effects.extend(self._note_work(now))
        effects.append(SetReplicaTimer(ReplicaTimer.RESEND, now.steady_ms + RESEND_INTERVAL_MS))
        return effects

    def state_of(self, tx_id: TxId) -> PendingTransaction | Refused | Height | None:
        """Return the pending transaction, its final refusal, the height it stands at, or None."""
        pending = self.mempool.get(tx_id)
        if pending is not None:
            return pending
        place = self.chain.committed.place_of(tx_id)
        if place is not None:
            return place[0]
        return self._refused.get(tx_id)

    def submit(
        self, parsed: ParsedTransaction, now: Instant
    ) -> tuple[Submission, list[ReplicaEffect]]:
        """Admit a client's transaction, whose signatures have been verified.

        Raises:
            Refused: It does not apply; nothing was forwarded, so this is final.
            MempoolFullError: There is no room; try again later.
        """
        if self.mempool.get(parsed.tx_id) is not None:
            self.mempool.add(parsed, submitted_here=True)
            return Submission.PENDING, []
        if self.chain.committed.has_transaction(parsed.tx_id):
            return Submission.FINAL, []
        # A stale trial never refuses; a trial kept for a transaction that then finds no room only
        # makes later trials of the same author stricter until the next tip.
        self._admission.check(parsed, now.wall_ms)
        try:
            self.mempool.add(parsed, submitted_here=True)
        except MempoolFullError:
            self._admission.forget(parsed.author)
            raise
        return Submission.ADMITTED, [Forward((parsed.signed_bytes,)), *self._work_appeared(now)]

    def on_transactions(
        self, transactions: Sequence[ParsedTransaction], now: Instant
    ) -> list[ReplicaEffect]:
        """Take in transactions that a peer has admitted, whose signatures have been verified here."""
        added = False
        tip = self.chain.tip
        for parsed in transactions:
            if self.mempool.get(parsed.tx_id) or self.chain.committed.has_transaction(parsed.tx_id):
                continue
            try:
                check_validity(parsed.valid_until_ms, tip.time_ms)
                added = self.mempool.add(parsed, submitted_here=False) or added
            except (Refused, MempoolFullError):
                # Its node keeps it and offers it again, or tells its client.
                continue
        return self._work_appeared(now) if added else []

    def execute(
        self,
        request: Execute,
        transactions: tuple[ParsedTransaction, ...] | None,
        now: Instant,
    ) -> list[ReplicaEffect]:
        """Carry out ``Execute``; ``transactions`` are the block's, or None if they do not parse."""
        reason = ""
        try:
            if transactions is None:
                transactions = self.chain.parse_block(request.block)
            self.chain.execute(request.block, request.block_id, request.parent_id, transactions)
        except (InvalidBlockError, WireError) as error:
            reason = str(error)
        return self._after(
            self._engine.on_executed(request.block_id, not reason, reason, now), now, moved=True
        )

    def build(self, request: Build, now: Instant) -> list[ReplicaEffect]:
        """Carry out ``Build``: make a block of what applies."""
        excluded = self.chain.transactions_above_tip(request.parent_id)
        candidates: Iterable[ParsedTransaction] = ()
        if not request.must_be_empty:
            candidates = self.mempool.candidates(request.height, excluded)
        status = self._engine.status()
        slot = Slot(
            epoch=status.epoch,
            validators_digest=self.validators.digest,
            view=request.view,
            proposer=status.own if status.own is not None else ValidatorIndex(0),
        )
        block_id, built = self.chain.build(
            request.parent_id,
            slot,
            time_ms=request.time_ms,
            candidates=candidates,
            budget_units=request.budget_units,
        )
        for parsed, refusal in built.left_out:
            self.mempool.note_left_out(parsed.tx_id, refusal, request.height)
        block: Block | None = built.block
        wanted = (
            request.may_be_empty or request.must_be_empty or self._must_resolve(request.time_ms)
        )
        if not built.included and not wanted:
            self.chain.drop((block_id,))
            block = None
        return self._after(self._engine.on_built(request, block, now), now, moved=True)

    def writes(self, request: Commit) -> dict[bytes, bytes | None]:
        """Return the write set of ``Commit``; call ``on_stored`` when it is durable."""
        return self.chain.writes(request.blocks)

    def on_stored(self, request: Commit, now: Instant) -> list[ReplicaEffect]:
        """The blocks of ``request`` are durable: publish them, forget what they settle."""
        effects: list[ReplicaEffect] = []
        for final in request.blocks:
            executed = self.chain.advance(final)
            authors = [parsed.author for parsed in executed.transactions]
            for parsed in executed.transactions:
                self.mempool.remove(parsed.tx_id)
            effects.append(Finalized(final, executed))
            effects.extend(self._expire(final.block.header.time_ms))
            self._admission.forget_idle(dict.fromkeys(authors))
            effects.extend(self._engine.on_committed(final.block.header.height, now))
        effects.extend(self._note_work(now))
        return effects

    def serve(self, request: ServeRange) -> list[ReplicaEffect]:
        """Carry out ``ServeRange``: answer a peer with final blocks of the store."""
        reply = assemble_range(request.from_height, request.max_blocks, self._final_block)
        return [Send(request.peer, reply)]

    def _final_block(self, height: Height) -> tuple[Block, FinalityProof | None] | None:
        data = self._store.get(block_key(height))
        if data is None or height > self.chain.tip.height:
            return None
        proof = self._store.get(proof_key(height))
        finalization = decode(BlockProof, proof).finalization if proof else None
        return decode_block(data), finalization

    def _after(
        self, effects: Iterable[Effect], now: Instant, *, moved: bool = False
    ) -> list[ReplicaEffect]:
        """Pass on effects of the engine, after the chain has followed them."""
        result: list[ReplicaEffect] = list(effects)
        for effect in result:
            if isinstance(effect, Drop):
                self.chain.drop(effect.block_ids)
                moved = True
        if moved:
            result.extend(self._note_work(now))
        return result

    def _work_appeared(self, now: Instant) -> list[ReplicaEffect]:
        if self._has_work:
            return []
        return self._note_work(now)

    def _note_work(self, now: Instant) -> list[ReplicaEffect]:
        """Tell the engine whether anything wants a block, when that has changed."""
        has_work = self.mempool.has_candidate(
            Height(self.chain.tip.height + 1), self.chain.transactions_in_flight()
        ) or self._must_resolve(now.wall_ms)
        if has_work == self._has_work:
            return []
        self._has_work = has_work
        return list(self._engine.on_work(has_work, now))

    def _must_resolve(self, time_ms: TimeMs) -> bool:
        """Tell whether a pending transaction has expired and its author has no answer yet."""
        return bool(self.mempool.expired(TimeMs(time_ms - 1)))

    def _expire(self, time_ms: TimeMs) -> list[ReplicaEffect]:
        effects: list[ReplicaEffect] = []
        for pending in self.mempool.expired(time_ms):
            parsed = pending.parsed
            self.mempool.remove(parsed.tx_id)
            refusal = pending.refusal or Refused(
                RefusalCode.EXPIRED,
                f"it was valid until {parsed.valid_until_ms} ms and no block took it before "
                f"{time_ms} ms; it is safe to send again.",
                field="valid_until_ms",
                valid_until_ms=parsed.valid_until_ms,
                time_ms=time_ms,
            )
            self._refused[parsed.tx_id] = refusal
            while len(self._refused) > REFUSED_KEPT_MAX:
                self._refused.popitem(last=False)
            effects.append(Expired(parsed.tx_id, refusal))
        return effects

    def _anything_applies(self, now: Instant) -> bool:
        """Try pending transactions on the committed tip, and note those that do not apply."""
        if self._must_resolve(now.wall_ms):
            return True
        height = Height(self.chain.tip.height + 1)
        time_ms = TimeMs(max(now.wall_ms, self.chain.tip.time_ms + 1))
        execution = BlockExecution(self.chain.committed, height, time_ms)
        candidates = self.mempool.candidates(height, self.chain.transactions_in_flight())
        for number, parsed in enumerate(candidates):
            if number == PROBE_TRANSACTIONS_MAX:
                return True
            try:
                execution.apply(parsed)
            except Refused as refusal:
                self.mempool.note_left_out(parsed.tx_id, refusal, height)
                continue
            return True
        return False

    def _waiting_here(self) -> tuple[bytes, ...]:
        waiting: list[bytes] = []
        for parsed in self.mempool.submitted_here():
            if len(waiting) == RESEND_TRANSACTIONS_MAX:
                break
            waiting.append(parsed.signed_bytes)
        return tuple(waiting)


def stored_tip(store: Reader, chain: Chain) -> FinalizedTip:
    """Return where the store of a chain stands, as consensus sees it."""
    header = chain.tip
    data = store.get(proof_key(header.height))
    if not data:
        return FinalizedTip(point=genesis_point(header), header=header, certificate=None)
    proof = decode(BlockProof, data)
    return FinalizedTip(point=proof.point, header=header, certificate=proof.finalization)
