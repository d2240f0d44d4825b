"""The asyncio shell around the replica: it carries out effects in order, and decides nothing.

Events are collected and handled in *turns*. One turn takes everything that has arrived, feeds it
to the replica, and carries out the effects: first all journal records in one write and at most one
sync, then messages and timers. Requests to execute, build or store become events of the next turn,
so that the votes of this turn are on their way before a long computation begins.

    durable before sent: the journal is synced before the first message of the same turn is queued
    stored before told:  a block's write set is durable before anybody hears that it is final

Everything runs in one thread of one event loop; only signature checks use others. An error that is
not foreseen, and any failed write or sync, ends the node: ``failure`` is set, nothing more is
carried out, and the process stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from consensus.effects import (
    Accuse,
    Broadcast,
    Build,
    CancelTimer,
    Commit,
    Drop,
    Execute,
    Halt,
    HaltScope,
    JournalRecord,
    Persist,
    Send,
    ServeRange,
    SetTimer,
    Suspect,
    Timer,
)
from consensus.messages import (
    Certificates,
    Message,
    Proposal,
    Status,
    Vote,
    decode_message,
    encode_message,
)
from ledger.parsed import ParsedTransaction
from ledger.refusal import RefusalCode, Refused
from ledger.store import META
from ledger.wire.codec import encode
from ledger.wire.errors import WireError
from ledger.wire.hashing import plain_digest
from node.clock import Clock
from node.effects import (
    Expired,
    Finalized,
    Forward,
    ReplicaEffect,
    ReplicaTimer,
    SetReplicaTimer,
    Submission,
    joined_forwards,
)
from node.gossip import (
    Channel,
    decode_transactions,
    encode_consensus,
    encode_transactions,
    split_channel,
)
from node.intake import Intake, IntakeEvents
from node.logs import Log
from node.mempool import BusyError
from node.net.listener import PeerFaultError
from node.net.sendqueue import Priority
from node.replica import Replica
from node.signatures import THREAD_BATCH_MIN, SignatureChecker
from node.surroundings import Journal, Peers, Store
from node.waiters import Waiters

EVIDENCE: Final = META + b"evidence/"
"""Prefix of kept evidence; by its digest, so that the same pair is kept once."""

Event: TypeAlias = Callable[[], Sequence[ReplicaEffect]]


@dataclass(slots=True)
class Listeners:
    """Whom to tell about outcomes; called in the event loop, must not block."""

    finalized: list[Callable[[Finalized], None]] = field(default_factory=list)
    halted: list[Callable[[Halt], None]] = field(default_factory=list)


class Driver:
    """Runs one replica."""

    def __init__(  # noqa: PLR0913 - wired by hand in one place
        self,
        *,
        replica: Replica,
        store: Store,
        journal: Journal,
        journal_bytes: int = 0,
        journal_bytes_max: int,
        clock: Clock,
        log: Log,
    ) -> None:
        """Wire a node; nothing happens before ``start``.

        Args:
            replica: Decides.
            store: Holds what is final.
            journal: Holds what this node has said.
            journal_bytes: How much the journal holds already.
            journal_bytes_max: It is cut down to what must still be known when it holds more.
            clock: Tells the time.
            log: Takes events.
        """
        self.replica = replica
        self.listeners = Listeners()
        self.halted: Halt | None = None
        self.failure: BaseException | None = None
        """What ended the node, if something did."""
        self.failed = asyncio.Event()
        self.signatures = SignatureChecker(self._fail)
        self.intake = Intake(
            replica.chain.tip.chain_id,
            self.signatures,
            IntakeEvents(
                is_known=lambda data: replica.mempool.parsed_from(data) is not None,
                is_final=replica.chain.committed.has_transaction,
                take=self._take_transactions,
                refuse=self._refuse_peer,
            ),
        )
        self.waiters = Waiters()
        self.store = store
        self.journal_bytes = journal_bytes
        self._peers: Peers | None = None
        self._peer_names: tuple[str, ...] = ()
        self._journal = journal
        self._journal_bytes_max = journal_bytes_max
        self._clock = clock
        self._log = log
        self._inbox: list[Event] = []
        self._ready: list[ReplicaEffect] = []
        self._scheduled = True
        """A turn is on its way, or none may be: before the start and after the end."""
        self._timers: dict[Timer | ReplicaTimer, asyncio.TimerHandle] = {}

    # ------------------------------------------------------------------ life

    def start(self, peers: Peers, names: Sequence[str]) -> None:
        """Begin to work with ``peers``, the targets called ``names``; call it in the event loop."""
        self._peers = peers
        self._peer_names = tuple(names)
        self._inbox.insert(0, lambda: self.replica.start(self._clock.now()))
        self._scheduled = False
        self._schedule()

    def stop(self) -> None:
        """Stop: no timer fires and no event is handled any more."""
        self._scheduled = True
        for handle in self._timers.values():
            handle.cancel()
        self._timers.clear()
        self._inbox.clear()
        self.waiters.let_go()
        self.signatures.close()

    def _fail(self, error: BaseException) -> None:
        """End the node: nothing is carried out any more."""
        self._scheduled = True
        if self.failure is None:
            self.failure = error
            self.failed.set()

    # ------------------------------------------------------------------ from clients

    async def submit(self, parsed: ParsedTransaction) -> Submission:
        """Check and admit a client's transaction.

        Raises:
            Refused: It is not signed as it says, or does not apply; nothing was forwarded.
            BusyError: There is no room, or no time to tell; try again later.
        """
        if not await self.signatures.is_valid(parsed):
            raise Refused(
                RefusalCode.BAD_SIGNATURE,
                "a signature does not belong to its key and this transaction.",
                field="signatures",
            )
        try:
            submission, effects = self.replica.submit(parsed, self._clock.now())
        except (Refused, BusyError):
            raise
        except Exception as error:
            # The replica may have moved half-way, so it must not go on.
            self._fail(error)
            raise
        if effects:
            # The replica has moved already: these effects come before those of waiting events.
            self._ready.extend(effects)
            self._schedule()
        return submission

    # ------------------------------------------------------------------ from peers

    def on_connected(self, peer: str) -> None:
        """A peer can be reached."""
        self._post(lambda: self.replica.on_connected(peer, self._clock.now()))

    def on_frame(self, peer: str, messages: Sequence[bytes]) -> None:
        """Messages from an authenticated peer.

        Raises:
            PeerFaultError: One is rubbish; the transport drops the peer and counts it.
        """
        try:
            for data in messages:
                self._on_peer_message(peer, data)
        except WireError as error:
            raise PeerFaultError(str(error)) from error

    def peer_connections(self) -> dict[str, bool]:
        """Return every peer, and whether it can be reached."""
        if self._peers is None:
            return {}
        reachable = self._peers.connected_peers()
        return {name: name in reachable for name in self._peer_names}

    def _on_peer_message(self, peer: str, data: bytes) -> None:
        channel, content = split_channel(data)
        if channel is Channel.CONSENSUS:
            message = decode_message(content)
            self._post(lambda: self.replica.on_message(peer, message, self._clock.now()))
            return
        self.intake.receive(peer, decode_transactions(content))

    def _take_transactions(self, peer: str, valid: Sequence[ParsedTransaction]) -> None:
        self._post(lambda: self.replica.on_transactions(peer, valid, self._clock.now()))

    def _refuse_peer(self, peer: str, reason: str) -> None:
        self._log("peer_suspected", peer=peer, reason=reason)
        if self._peers is not None:
            self._peers.refuse(peer, reason)

    # ------------------------------------------------------------------ turns

    def _post(self, event: Event) -> None:
        self._inbox.append(event)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        events, self._inbox = self._inbox, []
        effects, self._ready = self._ready, []
        try:
            for event in events:
                effects.extend(event())
            self._persist(effects)
            for effect in joined_forwards(effects):
                self._carry_out(effect)
        except Exception as error:  # noqa: BLE001 - the outermost boundary: the node must end
            self._fail(error)

    def _persist(self, effects: Sequence[ReplicaEffect]) -> None:
        """Write all journal records of a turn at once, before anything is sent."""
        records: list[JournalRecord] = []
        sync = False
        for effect in effects:
            if isinstance(effect, Persist):
                records.extend(effect.records)
                sync = sync or effect.sync
        if records:
            self._journal.append(records)
            self.journal_bytes += sum(len(body) for _kind, body in records)
        if sync:
            self._journal.sync()

    def _carry_out(self, effect: ReplicaEffect) -> None:  # noqa: C901, PLR0912 - one match
        match effect:
            case Persist() | Drop():
                pass
            case Send(peer=peer, message=message):
                self._send((peer,), message)
            case Broadcast(message=message):
                self._send(None, message)
            case Forward(transactions=transactions, peer=peer):
                for data in encode_transactions(transactions):
                    self._transmit(None if peer is None else (peer,), Priority.TRANSACTION, data)
            case SetTimer(timer=timer, at_ms=at_ms):
                self._set_timer(timer, at_ms, partial(self.replica.on_timer, timer))
            case SetReplicaTimer(timer=replica_timer, at_ms=at_ms):
                self._set_timer(replica_timer, at_ms, self.replica.on_resend)
            case CancelTimer(timer=timer):
                handle = self._timers.pop(timer, None)
                if handle is not None:
                    handle.cancel()
            case Execute():
                self._execute(effect)
            case Build():
                self._post(lambda: self.replica.build(effect, self._clock.now()))
            case Commit():
                self._post(lambda: self._store_blocks(effect))
            case ServeRange():
                self._post(lambda: self.replica.serve(effect))
            case Finalized():
                self._publish(effect)
            case Expired(tx_id=tx_id):
                self.waiters.resolve(tx_id, effect)
            case Accuse(evidence=evidence):
                body = encode(evidence)
                self.store.write({EVIDENCE + plain_digest(body): body}, sync=False)
                name = self.replica.validators.validators[evidence.voter].name
                self._log("evidence_recorded", validator=name, kind=evidence.kind.name.lower())
            case Suspect(peer=peer, reason=reason):
                self._refuse_peer(peer, reason)
            case Halt():
                self._halt(effect)

    def _send(self, peers: Sequence[str] | None, message: Message) -> None:
        match message:
            case Vote() | Certificates() | Status():
                priority = Priority.VOTE
            case Proposal():
                priority = Priority.PROPOSAL
            case _:
                priority = Priority.FETCH
        self._transmit(peers, priority, encode_consensus(encode_message(message)))

    def _transmit(self, peers: Sequence[str] | None, priority: Priority, data: bytes) -> None:
        if self._peers is None:
            return
        for peer in self._peer_names if peers is None else peers:
            # A peer that only dials us (an observer) has no address to answer to.
            if peer in self._peer_names:
                # A transport that has ended knows nobody; its own error ends the node.
                with suppress(KeyError):
                    self._peers.send(peer, priority, data)

    def _set_timer(
        self,
        timer: Timer | ReplicaTimer,
        at_ms: int,
        fire: Callable[..., Sequence[ReplicaEffect]],
    ) -> None:
        previous = self._timers.pop(timer, None)
        if previous is not None:
            previous.cancel()

        def fired() -> None:
            self._timers.pop(timer, None)
            self._post(lambda: fire(self._clock.now()))

        delay_s = max(0, at_ms - self._clock.now().steady_ms) / 1_000
        self._timers[timer] = asyncio.get_running_loop().call_later(delay_s, fired)

    # ------------------------------------------------------------------ execution and storage

    def _execute(self, request: Execute) -> None:
        try:
            transactions = self.replica.chain.parse_block(request.block)
        except WireError:
            # Execution meets the same bytes and gives the reason.
            self._post(lambda: self.replica.execute(request, None, self._clock.now()))
            return
        unchecked = [parsed for parsed in transactions if not parsed.signatures_verified]

        def execute(_valid: Sequence[ParsedTransaction] = ()) -> None:
            self._post(lambda: self.replica.execute(request, transactions, self._clock.now()))

        if len(unchecked) < THREAD_BATCH_MIN:
            execute()
        else:
            self.signatures.check(unchecked, execute)

    def _store_blocks(self, request: Commit) -> Sequence[ReplicaEffect]:
        self.store.write(self.replica.writes(request), sync=True)
        effects = self.replica.on_stored(request, self._clock.now())
        if self.journal_bytes > self._journal_bytes_max:
            self._cut_journal()
        return effects

    def _cut_journal(self) -> None:
        """Begin a new segment with what must still be known, then drop the older ones."""
        number = self._journal.roll()
        records = self.replica.checkpoint_records()
        self._journal.append(records)
        self._journal.sync()
        self._journal.drop_before(number)
        self.journal_bytes = sum(len(body) for _kind, body in records)

    def _publish(self, finalized: Finalized) -> None:
        for listener in self.listeners.finalized:
            listener(finalized)
        for parsed in finalized.executed.transactions:
            self.waiters.resolve(parsed.tx_id, finalized)

    def _halt(self, halt: Halt) -> None:
        if self.halted is None or halt.scope is HaltScope.ENGINE:
            self.halted = halt
        self._log("halted", scope=halt.scope.value, reason=halt.reason)
        for listener in self.listeners.halted:
            listener(halt)
