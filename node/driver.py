"""The asyncio shell around the replica: it carries out effects in order, and decides nothing.

Events are collected and handled in *turns*. One turn takes everything that has arrived, feeds it to the
replica, and carries out the effects: first all journal records in one write and at most one sync, then
messages and timers. Requests to execute, build or store become events of the next turn, so that the votes
of this turn are on their way before a long computation begins.

    durable before sent: the journal is synced before the first message of the same turn is queued
    stored before told:  a block's write set is durable before anybody hears that it is final

Everything runs in one thread of one event loop; only signature checks use others. An error that is not
foreseen, and any failed write or sync, ends the node: ``failure`` is set and the process stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol, TypeAlias

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
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.refusal import RefusalCode, Refused
from ledger.store import META, Reader
from ledger.wire.codec import encode
from ledger.wire.errors import WireError
from ledger.wire.hashing import plain_digest
from ledger.wire.scalars import TxId
from node.clock import Clock
from node.gossip import (
    Channel,
    decode_transactions,
    encode_consensus,
    encode_transactions,
    split_channel,
)
from node.logs import Log
from node.net.listener import PeerFaultError
from node.net.peers import PeerNetwork
from node.net.sendqueue import Priority
from node.replica import (
    Expired,
    Finalized,
    Forward,
    Replica,
    ReplicaEffect,
    ReplicaTimer,
    SetReplicaTimer,
    Submission,
)
from node.signatures import THREAD_BATCH_MIN, SignatureChecker

EVIDENCE: Final = META + b"evidence/"
"""Prefix of kept evidence; by its digest, so that the same pair is kept once."""

Event: TypeAlias = Callable[[], Sequence[ReplicaEffect]]
Outcome: TypeAlias = Finalized | Expired


class Store(Reader, Protocol):
    """The store as the driver writes it."""

    def write(self, batch: Mapping[bytes, bytes | None], *, sync: bool) -> None:
        """Apply ``batch`` as a whole; with ``sync`` it is durable afterwards."""


class Journal(Protocol):
    """The consensus journal."""

    def append(self, records: Sequence[JournalRecord]) -> None:
        """Append records; they are durable after ``sync``."""

    def sync(self) -> None:
        """Wait until everything appended is durable."""

    def roll(self) -> int:
        """Begin a new segment and return its number."""

    def drop_before(self, number: int) -> int:
        """Remove all segments before ``number``."""


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
        journal_bytes_max: int,
        clock: Clock,
        log: Log,
    ) -> None:
        self.replica = replica
        self.listeners = Listeners()
        self.halted: Halt | None = None
        self.failure: asyncio.Future[BaseException] | None = None
        self.signatures = SignatureChecker()
        self.store = store
        self._peers: PeerNetwork | None = None
        self._peer_names: tuple[str, ...] = ()
        self._journal = journal
        self._journal_bytes = 0
        self._journal_bytes_max = journal_bytes_max
        self._clock = clock
        self._log = log
        self._inbox: list[Event] = []
        self._ready: list[ReplicaEffect] = []
        self._scheduled = False
        self._timers: dict[Timer | ReplicaTimer, asyncio.TimerHandle] = {}
        self._waiters: dict[TxId, list[asyncio.Future[Outcome]]] = {}

    # ------------------------------------------------------------------ life

    def start(self, peers: PeerNetwork, names: Sequence[str]) -> None:
        """Begin to work with ``peers``, the targets called ``names``; call it in the event loop."""
        self._peers = peers
        self._peer_names = tuple(names)
        self.failure = asyncio.get_running_loop().create_future()
        self._post(lambda: self.replica.start(self._clock.now()))

    def stop(self) -> None:
        """Stop: no timer fires and no event is handled any more."""
        for handle in self._timers.values():
            handle.cancel()
        self._timers.clear()
        self._inbox.clear()
        self._scheduled = True
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.cancel()
        self._waiters.clear()
        self.signatures.close()

    # ------------------------------------------------------------------ from clients

    async def submit(self, parsed: ParsedTransaction) -> Submission:
        """Check and admit a client's transaction.

        Raises:
            Refused: It is not signed as it says, or does not apply; nothing was forwarded.
            MempoolFullError: There is no room; try again later.
        """
        if not await self.signatures.is_valid(parsed):
            raise Refused(
                RefusalCode.BAD_SIGNATURE,
                "a signature does not belong to its key and this transaction.",
                field="signatures",
            )
        submission, effects = self.replica.submit(parsed, self._clock.now())
        if effects:
            # The replica has moved already: these effects come before those of waiting events.
            self._ready.extend(effects)
            self._schedule()
        return submission

    def wait_for(self, tx_id: TxId) -> asyncio.Future[Outcome]:
        """Return a future of what becomes of a pending transaction. Cancel it when not needed."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(tx_id, []).append(future)
        future.add_done_callback(partial(self._forget_waiter, tx_id))
        return future

    def _forget_waiter(self, tx_id: TxId, future: asyncio.Future[Outcome]) -> None:
        waiters = self._waiters.get(tx_id)
        if waiters is not None and future in waiters:
            waiters.remove(future)
            if not waiters:
                del self._waiters[tx_id]

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
        fresh = [
            parse_transaction(signed_bytes)
            for signed_bytes in decode_transactions(content)
            if self.replica.mempool.parsed_from(signed_bytes) is None
        ]
        if fresh:
            self.signatures.check(fresh, partial(self._on_checked, peer, len(fresh)))

    def _on_checked(self, peer: str, expected: int, valid: Sequence[ParsedTransaction]) -> None:
        if len(valid) < expected:
            self._log("peer_sent_bad_signatures", peer=peer, count=expected - len(valid))
        if valid:
            self._post(lambda: self.replica.on_transactions(valid, self._clock.now()))

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
            for effect in effects:
                self._carry_out(effect)
        except Exception as error:  # noqa: BLE001 - the outermost boundary: the node must end
            self._scheduled = True
            if self.failure is not None and not self.failure.done():
                self.failure.set_result(error)

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
            self._journal_bytes += sum(len(body) for _kind, body in records)
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
                self._resolve(tx_id, effect)
            case Accuse(evidence=evidence):
                body = encode(evidence)
                self.store.write({EVIDENCE + plain_digest(body): body}, sync=False)
                self._log("evidence_recorded", evidence=repr(evidence))
            case Suspect(peer=peer, reason=reason):
                self._log("peer_suspected", peer=peer, reason=reason)
                if self._peers is not None:
                    self._peers.refuse(peer, reason)
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
        if self._journal_bytes > self._journal_bytes_max:
            self._cut_journal()
        return effects

    def _cut_journal(self) -> None:
        """Begin a new segment with what must still be known, then drop the older ones."""
        number = self._journal.roll()
        records = self.replica.checkpoint_records()
        self._journal.append(records)
        self._journal.sync()
        self._journal.drop_before(number)
        self._journal_bytes = sum(len(body) for _kind, body in records)

    def _publish(self, finalized: Finalized) -> None:
        for listener in self.listeners.finalized:
            listener(finalized)
        for parsed in finalized.executed.transactions:
            self._resolve(parsed.tx_id, finalized)

    def _resolve(self, tx_id: TxId, outcome: Outcome) -> None:
        for waiter in self._waiters.pop(tx_id, ()):
            if not waiter.done():
                waiter.set_result(outcome)

    def _halt(self, halt: Halt) -> None:
        if self.halted is None or halt.scope is HaltScope.ENGINE:
            self.halted = halt
        self._log("halted", scope=halt.scope.value, reason=halt.reason)
        for listener in self.listeners.halted:
            listener(halt)
