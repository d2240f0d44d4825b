"""Everything that a node decides, in one object without ``await``.

The replica joins the consensus engine, the chain and the mempool. Events go in, effects come out;
the driver (``node.driver``) carries the effects out in order, and the simulator does the same with
a virtual clock, network and disk. A crash can therefore be placed between any two effects.

Effects of the engine pass through as they are, with these additions (``node.effects``):

* ``Forward``: transactions for all other validators, one hop;
* ``Finalized``: blocks that are durable now, for receipts and events; comes only after the store has them;
* ``Expired``: pending transactions that can no longer be included; only now are they refused.

``Execute``, ``Build`` and ``Commit`` are requests to come back: the driver calls ``execute``,
``build``, or ``writes`` followed by ``on_stored``, at a moment of its choosing, so that a long
execution need not stop the votes. A block that was dropped in between is not executed any more.
Signatures of transactions are checked outside, before ``submit`` and ``on_transactions`` and, for
those of a block, before ``execute``; whatever was not checked there is checked during execution.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from consensus.catchup.serve import assemble_range
from consensus.config import ConsensusConfig
from consensus.effects import (
    Build,
    Commit,
    Drop,
    Effect,
    Execute,
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
from ledger.refusal import Refused
from ledger.store import Reader, block_key, proof_key
from ledger.transition import Slot
from ledger.wire.block import Block, decode_block
from ledger.wire.certificate import BlockProof, FinalityProof
from ledger.wire.codec import decode
from ledger.wire.errors import WireError
from ledger.wire.scalars import BlockId, Height, TimeMs, TxId, ValidatorIndex
from ledger.wire.signing import Sign
from ledger.wire.validators import ValidatorSet
from node.admission import Admission, PendingOf, check_sender, is_ever_valid
from node.chain import Chain
from node.doubtful import Doubtful
from node.effects import (
    Expired,
    Finalized,
    Forward,
    ReplicaEffect,
    ReplicaTimer,
    SetReplicaTimer,
    Submission,
)
from node.mempool import BusyError, Mempool, MempoolFullError, MempoolLimits, PendingTransaction
from node.work import WorkWatch

RESEND_INTERVAL_MS: Final = 2_000
"""What clients of this node wait for is offered to the peers again this often."""
RESEND_TRANSACTIONS_MAX: Final = 512
RESEND_BYTES_MAX: Final = 1024 * 1024
REFUSED_KEPT_MAX: Final = 10_000


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
        self._admission = Admission(
            self.chain.committed, PendingOf(self.mempool.of_author, self.mempool.count_of)
        )
        self._doubtful = Doubtful()
        self._refused: OrderedDict[TxId, Refused] = OrderedDict()
        self._executing: set[BlockId] = set()
        """Blocks whose execution was asked for and that were not dropped meanwhile."""
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
        self._work = WorkWatch(self._engine, self.chain, self.mempool)

    @property
    def status(self) -> EngineStatus:
        """Where the engine stands."""
        return self._engine.status()

    def checkpoint_records(self) -> tuple[JournalRecord, ...]:
        """Return what the journal must still say when its older segments are dropped."""
        return self._engine.checkpoint_records()

    # ------------------------------------------------------------------ events

    def start(self, now: Instant) -> list[ReplicaEffect]:
        """Begin: re-send what a crash may have cut off, arm timers."""
        effects = self._follow(self._engine.start(now), now)
        effects.append(SetReplicaTimer(ReplicaTimer.RESEND, now.steady_ms + RESEND_INTERVAL_MS))
        return effects

    def on_connected(self, peer: str, now: Instant) -> list[ReplicaEffect]:
        """A peer can be reached (again): tell it where we stand and what our clients wait for."""
        effects = self._follow(self._engine.on_connected(peer, now), now)
        offers = self.mempool.offers(count_max=RESEND_TRANSACTIONS_MAX, bytes_max=RESEND_BYTES_MAX)
        if offers:
            effects.append(Forward(tuple(offers), peer))
        return effects

    def on_message(self, peer: str, message: Message, now: Instant) -> list[ReplicaEffect]:
        """A consensus message has come from an authenticated peer."""
        return self._follow(self._engine.on_message(peer, message, now), now)

    def on_timer(self, timer: Timer, now: Instant) -> list[ReplicaEffect]:
        """A timer of the engine has run out."""
        effects: list[ReplicaEffect] = []
        if timer is Timer.LEAD and self._work.is_known and not self._work.anything_applies(now):
            # The leader is silent because nothing applies: no reason to give up its view.
            effects = self._follow((), now)
            if not self._engine.status().work:
                return effects
        return [*effects, *self._follow(self._engine.on_timer(timer, now), now)]

    def on_resend(self, now: Instant) -> list[ReplicaEffect]:
        """Offer what clients of this node wait for to all peers again, and look for what expired."""
        effects: list[ReplicaEffect] = []
        offers = self.mempool.take_due_offers(
            now.steady_ms - RESEND_INTERVAL_MS,
            now.steady_ms,
            count_max=RESEND_TRANSACTIONS_MAX,
            bytes_max=RESEND_BYTES_MAX,
        )
        if offers:
            effects.append(Forward(tuple(offers)))
        effects.extend(self._follow((), now))
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
            BusyError: There is no room, or no time to tell; try again later.
        """
        known = self.mempool.get(parsed.tx_id)
        if known is not None and (
            known.submitted_here or known.parsed.signed_bytes == parsed.signed_bytes
        ):
            self.mempool.add(parsed, submitted_here=True, offered_ms=now.steady_ms)
            return Submission.PENDING, []
        if self.chain.committed.has_transaction(parsed.tx_id):
            return Submission.FINAL, []
        if known is not None:
            # A peer brought the same wish with other signatures, which nobody has tried here. What
            # the client has signed is tried instead, without the other form.
            self.mempool.remove(parsed.tx_id)
            self._admission.forget(parsed.author)
        try:
            self._admission.check(parsed, now.wall_ms)
            self.mempool.add(parsed, submitted_here=True, offered_ms=now.steady_ms)
        except (Refused, BusyError) as error:
            if isinstance(error, MempoolFullError):
                # The trial holds a transaction that is not in the pool.
                self._admission.forget(parsed.author)
            if known is not None:
                self.mempool.add(known.parsed, submitted_here=False)
            raise
        return Submission.ADMITTED, [Forward((parsed.signed_bytes,)), *self._work_appeared(now)]

    def on_transactions(
        self, peer: str, transactions: Sequence[ParsedTransaction], now: Instant
    ) -> list[ReplicaEffect]:
        """Take in transactions that a peer has admitted, whose signatures have been verified here."""
        added = False
        for parsed in transactions:
            try:
                added = self._take_in(parsed, now) or added
            except Refused:
                self._doubtful.add(peer, parsed)
        return self._work_appeared(now) if added else []

    # ------------------------------------------------------------------ requests of the engine

    def execute(
        self,
        request: Execute,
        transactions: tuple[ParsedTransaction, ...] | None,
        now: Instant,
    ) -> list[ReplicaEffect]:
        """Carry out ``Execute``; ``transactions`` are the block's, or None if they do not parse."""
        if request.block_id not in self._executing:
            # Dropped meanwhile: its parent may be gone, and nobody waits for the verdict.
            return []
        self._executing.discard(request.block_id)
        reason = ""
        try:
            if transactions is None:
                transactions = self.chain.parse_block(request.block)
            self.chain.execute(request.block, request.block_id, request.parent_id, transactions)
        except (InvalidBlockError, WireError) as error:
            reason = str(error)
        return self._follow(
            self._engine.on_executed(request.block_id, not reason, reason, now), now
        )

    def build(self, request: Build, now: Instant) -> list[ReplicaEffect]:
        """Carry out ``Build``: make a block of what applies."""
        if request.view != self._engine.view:
            # The view has ended meanwhile; the engine takes note and forgets the request.
            return self._follow(self._engine.on_built(request, None, now), now)
        candidates: Iterable[ParsedTransaction] = ()
        if not request.must_be_empty:
            above_tip = self.chain.transactions_above_tip(request.parent_id)
            candidates = self.mempool.candidates(request.height, above_tip)
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
        if not built.included and not request.may_be_empty:
            self.chain.drop((block_id,))
            block = None
        return self._follow(self._engine.on_built(request, block, now), now)

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
            for pending in self.mempool.take_expired(final.block.header.time_ms):
                authors.append(pending.parsed.author)
                effects.append(self._refuse(pending, final.block.header.time_ms))
            self._admission.forget_idle(dict.fromkeys(authors))
            height = final.block.header.height
            effects.extend(self._follow(self._engine.on_committed(height, now), now))
        for peer, parsed in self._doubtful.look():
            with suppress(Refused):
                self._take_in(parsed, now)
                self._doubtful.take(peer, parsed.tx_id)
        effects.extend(self._follow((), now))
        return effects

    def serve(self, request: ServeRange) -> list[ReplicaEffect]:
        """Carry out ``ServeRange``: answer a peer with final blocks of the store."""
        reply = assemble_range(request.from_height, request.max_blocks, self._final_block)
        return [Send(request.peer, reply)]

    # ------------------------------------------------------------------ inside

    def _final_block(self, height: Height) -> tuple[Block, FinalityProof | None] | None:
        if height > self.chain.tip.height:
            return None
        data = self._store.get(block_key(height))
        if data is None:
            return None
        proof = self._store.get(proof_key(height))
        finalization = decode(BlockProof, proof).finalization if proof else None
        return decode_block(data), finalization

    def _follow(self, effects: Iterable[Effect], now: Instant) -> list[ReplicaEffect]:
        """Pass on effects of the engine, after the chain has followed them, with news about work."""
        result: list[ReplicaEffect] = []
        coming = list(effects)
        while True:
            for effect in coming:
                if isinstance(effect, Drop):
                    self._executing.difference_update(effect.block_ids)
                    self.chain.drop(effect.block_ids)
                elif isinstance(effect, Execute):
                    self._executing.add(effect.block_id)
            result.extend(coming)
            coming = self._work.note(now)
            if not coming:
                return result

    def _work_appeared(self, now: Instant) -> list[ReplicaEffect]:
        return [] if self._work.is_known else self._follow((), now)

    def _take_in(self, parsed: ParsedTransaction, now: Instant) -> bool:
        """Put a peer's transaction into the pool; tell whether it was taken.

        What is not taken is not lost: its node keeps it and offers it again, or tells its client.

        Raises:
            Refused: Its signers may not sign for its author, as far as is known here now.
        """
        committed = self.chain.committed
        if committed.has_transaction(parsed.tx_id):
            return False
        tip_time_ms = committed.header.time_ms
        if not is_ever_valid(parsed, tip_time_ms, now.wall_ms):
            return False
        check_sender(parsed, committed, TimeMs(max(now.wall_ms, tip_time_ms + 1)))
        try:
            added = self.mempool.add(parsed, submitted_here=False)
        except MempoolFullError:
            return False
        if added:
            self._admission.note_others(parsed.author)
        return added

    def _refuse(self, pending: PendingTransaction, time_ms: TimeMs) -> Expired:
        """Note that a transaction that has left the pool can no longer be included."""
        tx_id, refusal = pending.parsed.tx_id, pending.final_refusal(time_ms)
        self._refused[tx_id] = refusal
        while len(self._refused) > REFUSED_KEPT_MAX:
            self._refused.popitem(last=False)
        return Expired(tx_id, refusal)


def stored_tip(store: Reader, chain: Chain) -> FinalizedTip:
    """Return where the store of a chain stands, as consensus sees it."""
    header = chain.tip
    data = store.get(proof_key(header.height))
    if not data:
        return FinalizedTip(point=genesis_point(header), header=header, certificate=None)
    proof = decode(BlockProof, data)
    return FinalizedTip(point=proof.point, header=header, certificate=proof.finalization)
